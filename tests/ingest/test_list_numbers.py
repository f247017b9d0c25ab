"""A number is removed from a list only where the list itself shows that it numbers."""

import pytest

from findtune.ingest.list_numbers import strip_numbers

NUMBERED = {
    "1. tea;2. milk;3. ice": "tea;milk;ice",
    "1) tea;2) milk": "tea;milk",
    "(1) tea;(2) milk": "tea;milk",
    "a) tea;b) milk;c) ice": "tea;milk;ice",
    "2) rent due;3) rent owed": "rent due;rent owed",
    "9. tea;10. milk": "tea;milk",
    "1 Silage;2 Hay;3 Straw": "Silage;Hay;Straw",
    "1. tea;milk": "tea;milk",
    "1.tea;2.milk;3.ice": "tea;milk;ice",
    "1: tea;2: milk;3: ice": "tea;milk;ice",
    "1 - tea;2 - milk;3 - ice": "tea;milk;ice",
    "a)tea;b)milk;c)ice": "tea;milk;ice",
    "[1] tea;[2] milk": "tea;milk",
    "A. tea;B. milk;C. ice": "tea;milk;ice",
    "A) tea;B) milk": "tea;milk",
    "i. tea;ii. milk;iii. ice": "tea;milk;ice",
    "h. tea;i. milk": "tea;milk",
    "①tea;② milk": "tea;milk",
    "⑴tea;⑵ milk": "tea;milk",
    "１．tea;２．milk": "tea;milk",
    "✓ tea;✓ milk": "tea;milk",
    "1) Tea": "Tea",
    "• tea;• milk": "tea;milk",
    "- tea;- milk": "tea;milk",
    "* tea": "tea",
    "١. tea;٢. milk": "tea;milk",
    "१) tea;२) milk;३) ice": "tea;milk;ice",
    "๑. tea;๒. milk": "tea;milk",
    "1、茶;2、牛奶": "茶;牛奶",
    "1.- tea;2.- milk": "tea;milk",
    "а) чай;б) сок;в) лёд": "чай;сок;лёд",
    "I. tea;II. milk;III. ice": "tea;milk;ice",
    "- 1-bedroom flats;- 2-bedroom flats": "1-bedroom flats;2-bedroom flats",
    "1．茶;2．牛奶": "茶;牛奶",
    "1) tea;2) milk;4) ice": "tea;milk;ice",
    "\uf0b7 tea;\uf0b7 milk": "tea;milk",
    "■ tea;■ milk": "tea;milk",
    "- 5 cups;- no milk": "5 cups;no milk",
}
NOT_NUMBERED = [
    "1 Bedroom Flats;1-bedroom homes",
    "2 Bedroom Flats;3 Bedroom Flats",
    "1 Person;2 Persons;3 Persons",
    "1 Person Households;2 Person Households;3 Person Households",
    "1 Tea;2 Milk",
    "1.5 million people;2.5 million people",
    "3. Liga;Bundesliga",
    "5. tea;3. milk",
    "1. tea;1. milk;5. ice"[6:],
    "2020 births;2021 births;2022 births",
    "-5 degrees;-6 degrees",
    "tea;- milk",
    "- 5 degrees",
    "08. Mai 1945;09. November 1989",
    "1. Liga;3. Liga;2. Liga",
    "1. Mai;1. Juni;1. November",
    "1. Klasse;3. Person;2. Sitz",
    "1. Liga und 2. Liga",
    "5. tea;3. milk;1. ice",
    "24/7 care",
    "1. Liga;2. Liga;3. Liga",
    "1. Quartal;2. Quartal",
    "1.1 tea;1.2 milk",
    "1.5t tea;2.5t milk",
    "ix. tea;iv. milk",
    "0 children;1 child;2 children",
    "①tea;milk",
    "1 - 2 rooms;2 - 3 rooms;3 - 4 rooms",
    "1: 500 maps;2: 1000 maps",
    "C. elegans;D. melanogaster",
    "A. Müller;B. Schmidt",
    "A. fumigatus;B. cereus",
    "1.Weltkrieg Opfer;2.Weltkrieg Tote",
    "1.Bundesliga Tabelle;2.Bundesliga Tore;3.Bundesliga",
    "4.tea;5.milk;6.ice",
    "1: tea;2: milk",
    "1 - tea;2 - milk",
    "１．５倍の収入;２．５倍の人口",
    "Q1. tea",
    "Table 11. Births;deaths",
    "Grade 1) pupils",
    "II. Elizabeth;III. Richard",
    "I. Quartal;II. Quartal",
    "1、2年级;2、3年级",
    "٥ ألف;٦ ألف",
    "",
]


@pytest.mark.parametrize(("listed", "expected"), NUMBERED.items())
def test_marks_in_order_are_removed_and_so_is_a_first_one_alone(listed: str, expected: str) -> None:
    assert strip_numbers(listed.split(";")) == expected.split(";")


@pytest.mark.parametrize("listed", NOT_NUMBERED)
def test_numbers_that_belong_to_the_texts_stay(listed: str) -> None:
    assert strip_numbers(listed.split(";")) == listed.split(";")
    assert strip_numbers([]) == []
