"""The flag rules that every installation starts with; managers edit the rows."""

from escalation.models import FlagRule
from escalation.policy import SELF_HARM_TEXT

Kind = FlagRule.Kind
Action = FlagRule.Action

DEFAULT_RULES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "Self-harm", Kind.SELF_HARM,
        ("kill myself", "killing myself", "kms", "end my life", "ending my life", "end it all",
         "take my own life", "suicid*", "hurting myself", "want to hurt myself",
         "going to hurt myself", "hurt myself on purpose", "harm myself", "harming myself",
         "self-harm*", "cutting myself", "don't want to live", "don't want to be alive",
         "no reason to live", "nothing to live for", "better off dead", "better off without me",
         "want to die", "wish i was dead", "wish i were dead", "mich umbringen",
         "nicht mehr leben", "selbstmord*", "suizid*", "me suicider", "envie de mourir",
         "suicidarme", "quiero morir", "matarme"),
        SELF_HARM_TEXT,
    ),
    (
        "Threat of violence", Kind.THREAT,
        ("kill you", "kill someone", "hurt you", "hurt somebody", "bomb threat*", "a bomb",
         "bomb the", "bomb your", "bomb you", "shoot you", "burn down your", "burn it down",
         "burn your", "come to your store with a gun", "come to your store with a knife",
         "you will regret", "i know where you live"),
        "",
    ),
    (
        "Legal threat", Kind.LEGAL,
        ("my lawyer*", "my attorney*", "sue you", "sue u", "suing you", "ill sue",
         "take you to court", "legal action", "small claims", "file a lawsuit",
         "trading standards"),
        "",
    ),
    (
        "Abuse", Kind.ABUSE,
        ("fuck you", "fuck u", "f ck you", "fck you", "fk you", "fuck off", "fuck this",
         "fucking", "fuckin", "f cking", "motherf*", "you idiot*", "an idiot", "idiots",
         "you moron*", "morons", "asshole*", "arsehole*", "dickhead*", "dumbass*", "bastard*",
         "bitch*", "bullshit", "piece of shit", "piece of crap", "you suck", "u suck",
         "this bot sucks", "screw you", "piss off", "shut up", "shut the hell", "shut the fuck",
         "shut the f", "stfu", "stupid bot",
         "dumb bot", "stupid machine", "useless bot", "useless idiot*", "go to hell",
         "rot in hell", "you are stupid", "youre stupid", "you are dumb", "youre dumb",
         "ur stupid", "are you stupid", "are you dumb", "you are an idiot", "youre pathetic",
         "you are pathetic", "you are garbage", "youre garbage", "you are trash", "youre trash",
         "scumbag*", "wanker*", "retard", "retards", "retarded", "fuck yourself", "load of crap"),
        "",
    ),
    (
        "Asks for a person", Kind.ASKED_FOR_PERSON,
        ("talk to a person", "talk to a human", "talk to someone", "talk to somebody",
         "talk to a real person", "talk to an agent", "speak to a person", "speak to a human",
         "speak to someone", "speak to an agent", "speak with a person", "speak with a human",
         "speak with someone", "human agent", "live agent", "human please", "agent please",
         "person please", "customer service rep*", "get me a human", "get me a person"),
        "",
    ),
    (
        "Upset customer", Kind.UPSET,
        ("terrible service", "worst service", "awful service", "this is ridiculous",
         "this is unacceptable", "never buying again", "never shop here again", "so angry",
         "furious", "fed up", "scam", "scammers", "scammed",
         "rip off", "absolutely useless", "waste of time"),
        "",
    ),
    (
        "Medical advice", Kind.MEDICAL,
        ("medical advice", "side effect*", "what dose", "which dose", "what dosage", "the dosage",
         "how many pills", "overdose*", "allergic reaction*", "am i allergic", "diagnose me",
         "diagnose my", "my symptoms", "these symptoms", "safe during pregnancy",
         "safe while pregnant", "safe when pregnant", "safe if i am pregnant",
         "safe if im pregnant", "while breastfeeding", "my medication*", "my medicine",
         "my pacemaker", "a pacemaker", "chest pain*", "should i see a doctor",
         "need to see a doctor", "looks infected", "is it infected", "is this infected",
         "will it cure", "does it cure", "cure my", "heal my", "treat my eczema",
         "treat my wound*", "treat my burn*", "treat my rash", "treat my infection",
         "have a fever", "has a fever", "got a rash", "gave me a rash", "have a rash",
         "asthma attack", "with my asthma", "with my epilepsy", "with my diabetes",
         "swallowed it", "swallowed a", "swallowed one", "medizinischen rat", "nebenwirkung*",
         "avis médical", "effets secondaires", "consejo médico", "efectos secundarios"),
        "I can't give medical advice. If it is urgent, please call your doctor or your local "
        "emergency number now. For everything else I'm passing you to a person from our team.",
    ),
    (
        "Legal advice", Kind.LEGAL_ADVICE,
        ("legal advice", "my legal rights", "what are my rights", "my consumer rights",
         "is it legal to", "is this legal", "is that legal", "is it illegal", "is this illegal",
         "is that illegal", "legal to carry", "legal to own", "am i liable", "are you liable",
         "who is liable", "can i sue", "could i sue", "should i sue", "do i have a case",
         "breach of contract", "contract valid", "contract void", "statute of limitations",
         "legally required", "legally obliged", "legally entitled", "legally binding",
         "consumer law", "under the law", "according to the law", "tax advice", "rechtsberatung",
         "rechtlichen rat", "conseil juridique", "asesoramiento legal"),
        "I can't give legal advice, so I'm passing you to a person from our team, who can say "
        "what we can do for you.",
    ),
    (
        "Payment card data", Kind.CARD_DATA,
        # What the masks of hidden numbers look like (see ``assistant.redaction``).
        ("\u2022\u2022\u2022\u2022 *", "my cvv is", "my cvc is",
         "my security code is"),
        "For your safety, please never send card numbers or security codes here: we don't need "
        "them in this chat, and what looked like one has been hidden. Please ask again without "
        "the card's details, and I'll gladly help.",
    ),
)  # fmt: skip

REPLY_ONLY_KINDS = frozenset({Kind.CARD_DATA})


def ensure_rules() -> None:
    """Create the rules of all sites where there is none at all; run again it changes nothing."""
    if FlagRule.objects.filter(site=None).exists():
        return
    FlagRule.objects.bulk_create(default_rules())


def default_rules() -> list[FlagRule]:
    """Return the rules as rows that are not stored yet."""
    return [
        FlagRule(
            name=name,
            kind=kind,
            phrases=list(phrases),
            customer_text=text,
            action=Action.REPLY_ONLY if kind in REPLY_ONLY_KINDS else Action.HAND_OFF,
        )
        for name, kind, phrases, text in DEFAULT_RULES
    ]
