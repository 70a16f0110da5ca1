"""The flag rules that every installation starts with; managers edit the rows."""

from escalation.models import FlagRule

Kind = FlagRule.Kind

DEFAULT_RULES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "Self-harm", Kind.SELF_HARM,
        ("kill myself", "killing myself", "end my life", "ending my life", "suicid*",
         "hurt myself", "harm myself", "self-harm", "don't want to live", "want to die"),
        "I'm sorry that you feel this way. You are not alone: please call your local emergency "
        "number or a crisis line now - in Europe 116 123, in the US and Canada 988. I'm also "
        "bringing in a person from our team.",
    ),
    (
        "Threat of violence", Kind.THREAT,
        ("kill you", "kill someone", "hurt you", "hurt somebody", "bomb*", "shoot you",
         "burn down", "come to your store with", "you will regret", "i know where you live"),
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
         "this bot sucks", "screw you", "piss off", "shut up", "shut the", "stfu", "stupid bot",
         "dumb bot", "stupid machine", "useless bot", "useless idiot*", "go to hell",
         "rot in hell", "you are stupid", "youre stupid", "you are dumb", "youre dumb",
         "ur stupid", "are you stupid", "are you dumb", "you are an idiot", "youre pathetic",
         "you are pathetic", "you are garbage", "youre garbage", "you are trash", "youre trash",
         "scumbag*", "wanker*", "retard*", "fuck yourself", "load of crap"),
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
)  # fmt: skip


def ensure_rules() -> None:
    """Create the rules of all sites where there is none at all; run again it changes nothing."""
    if FlagRule.objects.filter(site=None).exists():
        return
    FlagRule.objects.bulk_create(
        FlagRule(name=name, kind=kind, phrases=list(phrases), customer_text=text)
        for name, kind, phrases, text in DEFAULT_RULES
    )
