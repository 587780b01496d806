"""The words that the made-up bicycle maker is made of."""

GIVEN_NAMES = (
    "Aïda", "Bela", "Cléo", "Dario", "Elin", "Fynn", "Günther", "Hana", "Ines", "João", "Kaja", "Léonie", "Nuño",
)  # fmt: skip
FAMILY_NAMES = (
    "Abendroth", "Béranger", "Castaño", "Dahl", "Fjällgren", "Gonçalves", "Holm", "Ibáñez", "Keller", "Löwe", "Quint",
)  # fmt: skip
STORES = (
    "Rund ums Rad", "Vélo Soleil", "Two Wheels & Co", "Cykelhörnan", "La Bicicleta Rápida", "Spoke House",
    "Ketting", "Pédale Douce",
)  # fmt: skip
CITIES = ("Nordhafen", "Valbrune", "Eastmere", "Sölden am See", "Puerto Claro", "Hollowell")
COLORS = ("", "Red", "Blue", "Black", "Silver")
CARDS = ("Meridian", "Union Card", "Halcyon")
CATEGORIES = {
    "Bicycles": ("City Bikes", "Gravel Bikes"),
    "Parts": ("Saddles", "Pedals", "Wheelsets"),
    "Clothing": ("Rain Jackets", "Gloves"),
    "Gear": ("Bells", "Lights", "Panniers"),
}
REASONS = (
    ("Price", "Other"), ("On Offer", "Promotion"), ("Saw  an Advertisement", "Marketing"), ("Test Ride", "Marketing"),
    ("Friends", "Other"), ("Quality", "Other"),
)  # fmt: skip
COUNTRIES = (("NL", "Netherlands"), ("FR", "France"), ("SE", "Sweden"), ("CI", "Côte d'Ivoire"), ("RE", "Réunion"))
"""Code and name."""
STATES = (
    ("NH", "NL", 1, "Noord-Holland"),
    ("ZL", "NL", 1, "Zeeland"),
    ("UT", "NL", 2, "Utrecht"),
    ("GR", "NL", 2, "Groningen"),
    ("07", "FR", 3, "Ardèche"),
    ("21", "FR", 3, "Côte-d'Or"),
    ("974", "RE", 3, "La Réunion"),
    ("Z", "SE", 4, "Jämtland"),
    ("N", "SE", 4, "Halland"),
)
"""Code, country, sales territory and name."""
