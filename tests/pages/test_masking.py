"""Addresses, numbers and keys are masked in texts; ordinary words and numbers stay."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.pages import masking
from findtune.pages.masking import mask, may_be_private, private_parts


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to ann.b+c@mail.bakery.example now", "write to [e-mail] now"),
        ("call +44 20 7946 0958 today", "call [number] today"),
        ("call (030) 1234-5678.", "call [number]."),
        ("card 4111 1111 1111 1111", "card [number]"),
        ("sk-abcdefghij0123456789", "[key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[key]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz", "[key]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "[key]"),
        ("password: hunter2, please", "password: [key], please"),
        ("my password is hunter2", "my password is [key]"),
        ("Mein Passwort ist hunter2", "Mein Passwort ist [key]"),
        ("Kennwort: hunter2", "Kennwort: [key]"),
        ("Mot de passe: hunter2", "Mot de passe: [key]"),
        ("la contrasena es hunter2", "la contrasena es [key]"),
        ("senha=hunter2", "senha=[key]"),
        ("Мой пароль: hunter2", "Мой пароль: [key]"),
        ("我的密码：hunter2，谢谢", "我的密码：[key]，谢谢"),
        ("パスワードはhunter2", "パスワードは[key]"),
        ("비밀번호: hunter2", "비밀번호: [key]"),
        ("비밀번호는 hunter2", "비밀번호는 [key]"),
        ("비밀번호가: hunter2", "비밀번호가: [key]"),
        ("パスワードは: hunter2", "パスワードは: [key]"),
        ("ann＠mail．bakery.example", "[e-mail]"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer [key]"),
        ("0123456789abcdef0123456789abcdef", "[key]"),
        ("aB3dE6gH9jK2mN5pQ8sT", "[key]"),
    ],
)
def test_what_identifies_people_or_opens_doors_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "population of Kenya 2001-2011, by county",
        "more than 1,000,000,000 people, or 12345678",
        "count_person_employed_in_agriculture_2019",
        "https://stats.kenya.example/census/2019/volume-1-of-17",
        "password reset tokens and secrets of bread",
        "¿Qué es una contraseña? Le mot de passe est-il long, 密码的历史",
        "ISO 3166-1 alpha-2, @handle",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert mask(text) == text


PLAIN = """
2015 2016 2017 2018
years 2015, 2016, 2017, 2018
2015/2016/2017
GDP 2010 - 2020 - 2030
2010-2012 2013-2015 2016-2018
2005-2010, 2011-2015
population of 1990 2000 2010 2020
1950–1960–1970
1990-2000 to 2010-2020
2019.2020.2021
2019/20 2020/21 2021/22
2018-19 2019-20 2020-21
2020-01-01 2020-12-31
2020-01-01/2020-12-31
01/02/2020 03/04/2021
31.12.2020 - 30.06.2021
20200101 20201231
ages 0-4 5-9 10-14 15-19
0-14 15-24 25-54 55-64 65
15 24 25 34 35 44
10 000 - 20 000 - 30 000
income 25000-49999 50000-74999
1 000 000 000
1.000.000.000
12 345 678 901 people
1000000000 people
Count_Person_BelowPovertyLevelInThePast12Months
Count_Person_5To17Years_AsAFraction
dc/g/Person_EducationalAttainment2020aB
Count_Household_IncomeOf25000To34999USDollar
Median_Income_Person_15OrMoreYears_Female_WithIncome
WHO/SDG_SH_DYN_MORT
Percent_Person_20OrMoreYears_WithHighCholesterol
Count_MortalityEvent_UnderlyingCauseOfDeath2020
dc/topic/Covid19VaccinationsByAge
dc/svpg/PersonByAge5Years
MeanHouseholdIncomeOf2010AdjustedTo2020
ageAdjustedRatePer100000People
COVID19VaccinationStatusByAgeGroup
getPopulationOf2010CensusTracts
USDollarPerCapita2015Constant
EmissionsOfCO2PerCapitaInTonnes2019
GrossDomesticProductPPPConstant2017InternationalDollar
dc/hnpvzgyxbt4yd
table B25041 2020
Table 17-10-0005-01
31000US12345
1 2 3 4 5 6 7 8 9 10
0.1 0.2 0.3 0.4 0.5
ISSN 2049-3630
SP.POP.TOTL 2010 2011 2012
2e-16 1990-1995
wikidataId/Q30 country/USA
10.1016/j.jue.2019.103
12.5 13.5 14.5 15.5
100-200-300-400
1, 2, 3, 4, 5, 6, 7, 8, 9
Annual_Emissions_GreenhouseGas_ElectricityGenerationFromThermalPowerPlant2019
census tract 06037980001
geoId/0649670
fips 06037 geoid 06037980001
isbn 978-3-16-148410-0
table 4001 5002 6003 7004
0000-00-00 00:00:00
2026-13-32 10:00
2025-02-30 10:00:00.000
30/02/2025 25:61
31.12.2025 24:00:00
9783161484100
978-3-16-148410-0
978 3 16 148410 0
9791090636071
"""
PRIVATE = """
call 0123-45-67 10:30
ring 4567-89-01 12:00 please
12-34-5678 10:00
reach me 5551-23-45 18:00-20:00
call +44 20 7946 0958
020 7946 0958
(030) 1234-5678
+1 212 555 0199
+1-212-555-0199
212-555-0199
(212) 555-0199
212.555.0199
1 800 555 0199
0044 20 7946 0958
+49 30 123456
+4930123456
07700 900123
07700900123
01 23 45 67 89
06 12 34 56 78
+33 6 12 34 56 78
+254 712 345678
0712 345 678
2025550199
tel 2025550199
+2019 2020 2021 99
555-0199 212 555
4111 1111 1111 1111
4111111111111111
DE89 3704 0044 0532 0130 00
1990-555-0199
2012 555 0199
phone 2016 555 0199
sk-abcdefghij0123456789
AKIAIOSFODNN7EXAMPLE
ghp_abcdefghijklmnopqrstuvwxyz
xoxb-123456789012-abcdef
aB3dE6gH9jK2mN5pQ8sT
7Fq2LmX9vTz4KpW8sRn3
Zx81kPqLmN47vBtYwR5s
wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY
dGhpcyBpcyBhIHNlY3JldCBrZXkgMTIz
0123456789abcdef0123456789abcdef
tok_1A2b3C4d5E6f7G8h9I0jK
a8F5k2Lq9Zx7Bn3Vt6Yw
Q2hhbmdlTWUxMjM0NTY3ODkw
github_pat_11ABCDEFG0aaaaaaaaaaaa_bbbb
1234567890
+91 98765 43210
98765 43210
030 1234567
fips 202-555-0143
table (212) 555-0199
tract 212.555.0199
table 4111 1111 1111 1111
geoid 4111111111111111
4111 1111 1111 1111 5500 0000 0000 0004
| 4111111111111111 | 12 |
3782 822463 10005
978-555-0199
978-555-0199 123
978 555 0199
979 555 0199 1234
978-555-0101 979
9783161484101
0000-00-00 0030
2026-13-45 212-555-0199
0171-23-45 6789
"""


@pytest.mark.parametrize("text", PLAIN.strip().splitlines())
def test_rows_of_years_and_numbers_and_names_of_variables_stay(text: str) -> None:
    assert mask(text) == text
    assert mask(f"what of {text}, please?") == f"what of {text}, please?"
    assert private_parts(text) == set()


@pytest.mark.parametrize("text", PRIVATE.strip().splitlines())
def test_telephone_and_card_numbers_and_keys_are_masked_however_written(text: str) -> None:
    for shown in (mask(text), mask(f"since 2019, {text}.")):
        assert "[number]" in shown or "[key]" in shown
    assert private_parts(text)


def test_a_mask_that_a_text_has_already_is_nothing_private() -> None:
    assert private_parts("call [number] with [key]") == set()
    assert private_parts("call [number] or 212-555-0199") == {"a telephone number"}


@pytest.mark.parametrize(
    "part",
    [
        "a+",
        "1 ",
        "2015 2016 2017; ",
        "2019-12-12-",
        "2019-12-12 10:00 ",
        "978-3-16-148410-0 ",
        "aB3",
        "a@a.",
        "a.",
        "a@",
        "a-",
        "eyJa-",
    ],
)
def test_long_texts_are_masked_in_linear_time(
    part: str, assert_linear: Callable[..., None]
) -> None:
    assert_linear(lambda size: mask(part * size), 5_000)


PARTS = [
    "a@b.io",
    "sk-",
    "xoxb-",
    "eyJ",
    "AIza",
    "hf_",
    "pwd",
    "senha",
    "Token",
    "bearer",
    ": ",
    "is",
    " ",
]
PARTS += ["0123456789"[:n] for n in (2, 5, 9)] + ["aB3dE6gH"[:n] for n in (1, 3, 8)] + [*"+(-./_é"]


@given(st.lists(st.sampled_from(PARTS), max_size=9).map("".join))
def test_the_quick_test_knows_no_text_that_a_pattern_masks(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "may_be_private", lambda _: True)
        masked = mask(text)
    assert may_be_private(text) or masked == text
