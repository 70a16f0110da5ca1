"""What the made-up customers and agents say where the help articles hold no answer."""

from dataclasses import dataclass

from conversations.models import Episode
from escalation.models import HandOff

HandledBy = Episode.HandledBy
Reason = HandOff.Reason


@dataclass(frozen=True)
class Matter:
    """Something that a person had to settle: what was said first, and what the agent replied."""

    reason: HandOff.Reason
    question: str
    reply: str
    after_answer: bool = False
    """Whether the assistant had answered another question before."""


MATTERS = (
    Matter(
        Reason.LOW_CONFIDENCE,
        "My tracking says delivered but there is nothing at the door. What now?",
        "I've asked the carrier for the delivery scan and opened a trace. If it doesn't turn up by "
        "Thursday I'll send a new one at no cost.",
    ),
    Matter(
        Reason.LOW_CONFIDENCE,
        "Does the Kestrel 45 pack fit as cabin baggage on a regional jet?",
        "It fits most cabin frames when the lid pocket is empty, but regional jets often allow "
        "less. Send me the airline and I'll check its table for you.",
    ),
    Matter(
        Reason.LOW_CONFIDENCE,
        "Can you embroider a name on six fleece jackets for our club?",
        "We can, from five pieces on. It takes about two weeks; I'm sending you the form and a "
        "price by e-mail.",
    ),
    Matter(
        Reason.LOW_CONFIDENCE,
        "The zip slider I got for the repair is the wrong size, it says 8 and I need 5.",
        "That was our mistake. A size 5 slider is on its way by letter post, keep the other one.",
    ),
    Matter(
        Reason.LOW_CONFIDENCE,
        "Is the lining of the Tarn boots free of wool? My son is allergic.",
        "Yes: the lining is recycled polyester, the insole cork and foam. There's no wool in it.",
    ),
    Matter(
        Reason.ASKED_FOR_PERSON,
        "Can I talk to a person please? It's about two orders at once.",
        "Of course. I've put both orders into one parcel, so you pay shipping only once.",
    ),
    Matter(
        Reason.ASKED_FOR_PERSON,
        "I'd rather speak to someone about a birthday present that has to arrive by Friday.",
        "I've moved it to express on us. You'll get the tracking number this afternoon.",
    ),
    Matter(
        Reason.ASKED_FOR_PERSON,
        "Thanks, but I want a real person to look at my return.",
        "Here I am. I can see your return arrived this morning; the refund is released now.",
        after_answer=True,
    ),
    Matter(
        Reason.REPEATED_QUESTION,
        "That doesn't answer it. I asked whether the discount stays when I exchange the size.",
        "It does: an exchange for another size keeps the price that you paid.",
        after_answer=True,
    ),
    Matter(
        Reason.REPEATED_QUESTION,
        "I asked about a jacket from 2019, not about a new one. Is it still repaired?",
        "Yes, we repair ours of any age. For 2019 we still have the fabric in slate and moss.",
        after_answer=True,
    ),
    Matter(
        Reason.NEGATIVE_SENTIMENT,
        "This is the third time I write about the same tent pole. I'm fed up with it.",
        "I'm sorry, that should have been settled the first time. A complete pole set leaves our "
        "workshop today by express, and I'll write to you myself when it has arrived.",
    ),
    Matter(
        Reason.NEGATIVE_SENTIMENT,
        "Your refund still isn't there, this is ridiculous!",
        "You're right to be annoyed: the bank had sent it back. I've started it again and added a "
        "voucher for the trouble.",
    ),
    Matter(
        Reason.FLAGGED,
        "If this is not settled by Monday my lawyer will write to you.",
        "I've read the whole story and I'm refunding the stove in full today. You'll have it in "
        "writing in a few minutes.",
    ),
    Matter(
        Reason.MODEL_UNAVAILABLE,
        "Do you have the Larch shirt in a size between M and L?",
        "Not in the regular cut, but the tall M is 3 cm longer with the same chest. Shall I keep "
        "one for you?",
    ),
)  # fmt: skip

WAITED_IN_VAIN = (
    "Can somebody change the address of my order? It ships tonight.",
    "I need a person, my gift card is refused at the checkout.",
    "Is anyone there? I'd like to talk to someone about a broken buckle.",
)
THANKS = (
    "Great, thank you!", "Perfect, that helps.", "Thanks, that was quick.", "Okay, got it.",
    "Thank you very much.",
)  # fmt: skip
CAME_BACK = (
    "I'm back: the label that I was sent doesn't open on my phone.",
    "Sorry, one more thing about this: the parcel came with one piece missing.",
    "Hello again, it still doesn't work as described.",
)
COME_BACK_REPLIES = (
    "I've just sent it to you once more as a picture; any shop can print that.",
    "That's not right, sorry. The missing piece leaves today and you needn't send anything back.",
    "Let's do it together: I've reset it from here, please try once more now.",
)
COMMENTS: dict[str, dict[int, tuple[str, ...]]] = {
    HandledBy.ASSISTANT: {
        5: (
            "Answered at eleven at night, and right to the point.",
            "Super quick. I didn't expect that from a chat.",
            "Found the return label at once, thank you.",
            "Clear, friendly, and with the link to read it up.",
            "I only wanted to know the postage. Got it in three seconds.",
            "Didn't know you mend other brands' zips. Brilliant.",
            "Good that it says where the answer comes from.",
            "Saved me a call from the trail head.",
            "Washed the jacket as described, it beads again!",
        ),
        4: (
            "Good answer, I only had to read it twice.",
            "Helpful, though a picture would have been nice.",
            "Right answer. The table was a bit wide for my phone.",
            "Quick. I'd have liked to see the price too.",
        ),
        3: ("Correct, but rather general.", "It took a second try to be understood."),
        2: ("The answer was about new jackets, mine is old.",),
        1: ("That was not my question at all.",),
    },
    HandledBy.PERSON: {
        5: (
            "{agent} was lovely and sorted everything out in two minutes.",
            "{agent} knew exactly which part I needed.",
            "Friendly and generous. I'll be back.",
            "Nice that a person takes over so fast.",
            "{agent} had read everything already, I didn't have to repeat myself.",
            "Honest answer about the old model. Thank you, {agent}.",
            "The new pole arrived before I expected it.",
        ),
        4: (
            "All fine, the wait was a bit long.",
            "Sorted, after a little back and forth.",
            "{agent} was kind. The form was a bother.",
        ),
        3: ("OK in the end.", "Settled, but I had to ask twice."),
        2: ("I had to explain everything again to the person.",),
        1: ("Still no refund. Not happy.",),
    },
    HandledBy.NOBODY: {
        2: ("Nobody came. I have written an e-mail instead.",),
        1: ("I waited half an hour for nothing.",),
    },
}
FIRST_NAMES = (
    "Nora", "Elias", "Priya", "Tom", "Ingrid", "Mateo", "Yuki", "Hannah", "Omar", "Clara", "Jonas",
    "Leila", "Peter", "Sofia", "Daniel", "Freya", "Marco", "Aisha", "Luc", "Emma", "Viktor",
    "Grace", "Anton", "Ruth",
)  # fmt: skip
