"""What small talk is made of: the phrases of each kind, in plain letters; data only."""

from typing import Final

PHRASES: Final = {
    "greeting": """
        hii|good evening to you|good morning to you|hi|hey|hello|hiya|howdy|yo|greetings
        |good mornin|gruezi|guten tag zusammen
        |hallo zusammen|hlelo|hye|hi there|hey there|hello there|good morning|good afternoon
        |good evening|good day|gday|morning|afternoon|evening|good am|good pm|heya|helo|hellow
        |hullo|hy|ello|oi|hi again|hello again|hey again|hi everyone|hello everyone|hi guys
        |hi team|hello team|aloha|salutations|top of the morning|hallo|hola|bonjour|bonsoir|ciao
        |salut|moin|moin moin|servus|gruss gott|gruess gott|grezi|guten tag|guten morgen
        |guten abend|buenos dias|buenas|buenas tardes|buenas noches|buongiorno|buonasera|ola
        |bom dia|boa tarde|boa noite|hej|hejsan|hei|halla|goddag|god dag|god morgon|hoi
        |goedemorgen|goedemiddag|goedenavond|goedendag|czesc|dzien dobry|ahoj|dobry den|szia
        |merhaba|selam|namaste|namaskar|salaam|salam|salam alaikum|assalamu alaikum
        |as salamu alaykum|shalom|konnichiwa|ni hao|annyeong|privet|zdravstvuyte|привет
        |здравствуите|你好|您好|こんにちは|안녕하세요|مرحبا""",
    "well": """
        how are you|can you please help me|can u help me|can u help|can u pls help me
        |could u help me|i have a question for you|how are you doing|how are you today
        |how are you doing today|how is it going|hows it going|how do you do|whats up|sup
        |nice to meet you|how r u|how are u|hru|wassup|wazzup|how are things|how is your day
        |hows your day|hope you are well|hope youre well|hope you are doing well
        |hope youre doing well|pleased to meet you|wie gehts|ca va|que tal|test|testing
        |this is a test|just testing|test test|testing testing|hello world|ping|are you online
        |you online|are you awake|are you working|does this work|is this working
        |is this thing on|does this chat work|can you hear me|can anyone help|can anyone help me
        |can someone help|can someone help me|can somebody help me|could you help me
        |could you help|will you help me|would you help me|help|help me|pls help|plz help
        |i need ur help|i need your help|i have a problem|i have an issue
        |i have a small question|quick question|one question|question|i have some questions
        |i have a few questions|may i ask a question|can i ask a question
        |can i ask you something|can i ask something|i want to ask something|are you there
        |you there|anyone there|anybody there|is anyone there|is anybody there|is somebody there
        |is someone there|anyone here|is anyone here|can you help me|can you help|i need help
        |i need some help|i have a question|i have a quick question""",
    "fine": """
        ok|okay|k|great|perfect|cool|awesome|super|nice|wonderful|excellent|lovely|alright
        |got it|understood|i see|makes sense|sounds good|all good|good to know|that helps
        |that helped|that works|thats all|that is all|that was all|that was helpful|very helpful
        |that was really helpful|really helpful|that was very helpful|for now|youre great
        |you are great|no worries|nothing else|no thats all|no thats it|thats it|okey|okie|oki
        |okay then|kk|gotcha|roger|noted|fine|good|very good|fantastic|brilliant|amazing|sweet
        |neat|yay|hooray|wow|haha|hahaha|lol|hehe|ha|ha ha|nice one|well done|good job|great job
        |good bot|sure|fair enough|i understand|i got it|ah|ah ok|oh|oh ok|aha|hmm|i found it
        |that did it|it works now|it worked|that worked|works now|problem solved|solved|all set
        |im good|i am good|im all set|i am all set|never mind|nevermind|nvm|no problem|np
        |forget it|that was quick|that was easy|that helped a lot|very useful|thats useful
        |thats great|thats good|thats fine|thats perfect|thats helpful|thats awesome|thats nice
        |this helps|this helped|nothing more|not now|no more questions|i have no more questions
        |that will be all|genau|alles klar|super danke|parfait|vale|perfecto|perfetto|va bene
        |d accord|prima""",
    "thanks": """
        thx a lot|many thx|no thx|nope thanks|nope thank you|merci bcp|danke dir
        |vielen lieben dank|thanks|thank you|thank u|thx|tnx|ty|tysm|cheers|many thanks
        |thanks a lot|thanks so much
        |thanks very much|thank you so much|thank you very much|thanks a bunch|thanks again
        |thank you again|much appreciated|i appreciate it|appreciate it|i appreciate your help
        |thanks for your help|thank you for your help|thanks for the help|thank you for the help
        |thanks for the info|thanks for your time|thank you for your time|thanks for helping
        |thanks for everything|thanks for that|thank you for that|no thanks|no thank you
        |for your help|for the help|for helping|for helping me|for your time|thanks mate
        |thanks a million|thanks a ton|thanks heaps|thank you kindly|thank you a lot|thankyou
        |thank youu|thnx|thanx|thnks|thnk you|thank yu|tks|tq|ta|thanku|tyvm|10x|big thanks
        |bless you|god bless|god bless you|youre the best|you are the best|youre a star|you rock
        |you are awesome|youre awesome|youre amazing|you are amazing|you are very helpful
        |youre very helpful|youve been very helpful|you have been very helpful|much obliged
        |thanks for your quick reply|thanks for your reply|thanks for the quick reply
        |thanks for your answer|thanks for the answer|thanks for the information
        |thanks for clarifying|thanks for letting me know|thanks for the quick response
        |thanks for your patience|for the info|for the information|for the reply|for the answer
        |for that|for everything|merci|merci beaucoup|gracias|muchas gracias|danke|danke schon
        |vielen dank|besten dank|herzlichen dank|grazie|grazie mille|obrigado|obrigada
        |muito obrigado|muito obrigada|bedankt|dank je|dank u|dank je wel|dankjewel|tack
        |tack sa mycket|tusen takk|takk|tak|mange tak|kiitos|dziekuje|dzieki|dekuji|diky
        |koszonom|multumesc|tesekkurler|tesekkur ederim|arigato|arigatou|xie xie|spasibo|shukran
        |dhanyavad|efharisto|спасибо|谢谢|شكرا""",
    "bye": """
        bye|bye bye|goodbye|good bye|good night|see you|see ya|see you later|see you soon|cya
        |farewell|take care|have a nice day|have a good day|have a great day|have a good one
        |have a nice weekend|have a good weekend|have a nice evening|have a good evening
        |have a great evening|have a great weekend|have a lovely day|have a good night
        |have a blessed day|enjoy your day|enjoy your weekend|you too|same to you
        |talk to you later|ttyl|talk soon|later|see u|see u later|c u|cu|laters|so long
        |until next time|till next time|im done|i am done|i have to go|i gotta go|gotta go
        |got to go|im leaving|i am leaving|cheerio|ta ta|toodles|buh bye|adios|au revoir|tschuss
        |tschuess|auf wiedersehen|hasta luego|hasta la vista|arrivederci|tchau|tot ziens|doei
        |hej da|ha det|farvel|do widzenia|na shledanou""",
    "who": """
        who are you|who dis|whats this|what are you|what is your name|whats your name
        |do you have a name|what can you do|what can you help with|what can you help me with
        |how can you help|how can you help me|what do you do|who am i talking to
        |who am i speaking to|who am i speaking with|who am i chatting with|who is this
        |introduce yourself|who r u|who are u|whos this|who is there|whos there|what is this
        |what is this chat|tell me about yourself|whats ur name|what can u do
        |what can you do for me|what can you tell me|what do you know|what are you able to do
        |what are your capabilities|what can i ask|what can i ask you|what can i do here
        |how does this work|how does this chat work|how do you work|what are you for
        |what are you good for|what is your job|what is your purpose|who made you
        |who created you|who built you|who do you work for|how old are you""",
    "bot": """
        are you real|are you for real|are you alive|do you use ai|are you chatgpt|r u real
        |are u real|are u a bot|are u human|u a bot|you a bot|you are a bot|youre a bot
        |is this ai|are you gpt|is this automated|is this a machine|are you an ai
        |are you artificial intelligence|do you have feelings|are you sentient
        |is anyone real there|are you chat gpt|bist du ein bot|bist du ein mensch|es tu un robot
        |eres un robot""",
}
# Words that change nothing about what a phrase says.
_FILLERS = """
again all and bot bro bud buddy but dear dude everyone folks friend friends guys just later
maam madam man mate miss much my now oh okay please pls plz really sir so support team then
there today u uh um umm very wait well yall yeah youll
"""
FILLERS: Final = frozenset(_FILLERS.split())
