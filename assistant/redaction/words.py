"""Words beside a number that say what it is, in the languages customers write.

Each constant is the inside of a regular expression that ignores case.
"""

# Before a telephone number, with a few words between.
PHONES = (
    r"(?:tele)?phones?|telephone|tel|mobile|mob|cell(?:phone)?|fax|whats ?app|signal|telegram|"
    r"viber|sms|texts?|text me|texting|call(?:s|ed|ing|back)?|ring|rang|dial(?:l?ed)?|reach(?:ed)?|"
    r"contact|hotline|landline|voicemail|answer(?:s|ed|ing)?|pick(?:s|ing)? up|messages? to|"
    r"registered|"
    r"my (?:new |old |other |work |home )?(?:number|no\.?|nr\.?)|"
    r"telefon\w*|handy\w*|mobil\w*|rückruf\w*|ruf\w*|anruf\w*|erreich\w*|festnetz\w*|durchwahl|"
    r"téléphone|téléphoner|portable|appel\w*|joindre|numéro|"
    r"teléfono|telefono|móvil|celular|llám\w*|llam\w*|cellulare|chiam\w*|"
    r"telefone|telemóvel|ligu\w*|ligar|telefoon\w*|mobiel\w*|bel|bellen|"
    r"telefonu|komórka|puhelin\w*|telefonszám|τηλέφωνο|κινητό|телефон\w*|моб\w*|звон\w*"
)
# Labels of an address block: only with a colon, since an office is a place too.
PHONE_LABELS = r"office|desk|direct|home|work|main|private|privat|büro|bureau|oficina|ufficio"
# Behind the number.
PHONE_NOTES = r"office|fax|mobile|cell|home|work|phone|tel|landline|whats ?app|mobil|handy|privat"
EXTENSIONS = r"x|ext\.?|extn\.?|extension|durchwahl|poste|anexo|ramal|interno|#"
