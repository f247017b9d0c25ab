"""Normal forms of document addresses, by which different spellings of one URL compare equal.

Most documents are web pages. An id that is not a URL (doc:17, a path, an ISBN) keeps its spelling,
except that DOIs, UUIDs and schemes such as s3: become lower case. Sources: RFC 3986, section 6, for
which spellings of a URL are equivalent; beyond it, http and https count as equal, and so do hosts
with and without www.
"""

import re
import unicodedata
from urllib.parse import SplitResult, quote, unquote, urlsplit

from findtune.ingest.plain_text import decode_entities

# Most URLs differ from their normal form only by the scheme, and need no parsing.
SIMPLE = re.compile(
    r"https?://(?!www\.|(?:dx\.)?doi\.org/)([a-z0-9-]+(?:\.[a-z0-9-]+)*(?:/[a-zA-Z0-9_~-][\w.~-]*)+)",
    re.ASCII,
)
# With or without one of its prefixes: a name that begins with 10. and a number is always a DOI.
DOI = re.compile(
    r"(?:(?:urn:|info:)?doi[:/]\s*|(?:https?://)?(?:dx\.|www\.)?doi\.org/(?:doi:)?)?"
    r"(10\.\d{4,9}(?:/|%2f)\S+)",
    re.IGNORECASE,
)
SCHEME = re.compile(r"(?:s3|gs|abfss?|hdfs|ftps?|sftp|file|urn|arxiv|isbn|pmid):", re.IGNORECASE)
DEFAULT_PORTS = {"http": 80, "https": 443}
SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
# What campaigns, mail and social networks add to a link. Sources: the parameters that Matomo,
# Google Analytics, Meta, Microsoft, HubSpot, Mailchimp, Marketo and Yandex document.
TRACKING = re.compile(
    r"(?:utm|pk|piwik|mtm|matomo|hsa|stm|itm)_.*"
    r"|(?:g|fb|d|y|tw|tt|ir|mr)clid|msclkid|gclsrc|gbraid|wbraid|gad_(?:source|campaignid)"
    r"|igsh|igshid|epik|li_fat_id|srsltid|rdt_cid|sc_(?:cid|channel|campaign)|at_(?:medium|campaign)"
    r"|mc_[ce]id|_hs(?:enc|mi|fp)|hsctatracking|mkt_tok|_ga|_gl|_gac|__s|s_cid|wt_mc|wt\.mc_id"
    r"|vero_(?:id|conv)|oly_(?:anon|enc)_id|_openstat|spm|icid|cmpid|ns_(?:source|mchannel|campaign)"
    r"|ref_(?:src|url)|phpsessid|jsessionid",
    re.IGNORECASE,
)
UNRESERVED = "-._~!$'()*,:@"
# An address with what texts put around it: <address>, "address", [title](address) of Markdown.
WRAPPED = re.compile(
    r"<([^<>]*)>|\"([^\"]*)\"|'([^']*)'|`([^`]*)`|[“„]([^“”]*)[“”]|«([^«»]*)»|\((https?:[^()]*)\)"
    r"|\[[^\]]*\]\((\S+?)(?:\s+\"[^\"]*\")?\)"
)
UNSEEN = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Redirect pages: host and path, and the parameter that holds the target.
REDIRECT = re.compile(
    r"(?:www\.)?google\.[a-z.]{2,6}/url\?(?:.*&)?(?:q|url)=([^&]+)"
    r"|l\.facebook\.com/l\.php\?(?:.*&)?u=([^&]+)|duckduckgo\.com/l/\?(?:.*&)?uddg=([^&]+)"
    r"|(?:www\.)?youtube\.com/redirect\?(?:.*&)?q=([^&]+)|out\.reddit\.com/[^?]*\?(?:.*&)?url=([^&]+)"
    r"|[\w.-]+\.safelinks\.protection\.outlook\.com/\?(?:.*&)?url=([^&]+)"
)


def normal_form(address: str) -> str:
    """Return the normal form of an address; it is only compared, never shown."""
    if match := SIMPLE.fullmatch(address):
        return match[1]
    text = unwrap(decode_entities(address).encode("utf-8", "replace").decode().strip())
    text = unicodedata.normalize("NFC", text)
    if UUID.fullmatch(text):
        return text.lower()
    if doi := DOI.fullmatch(text):
        return f"doi:{unquote(doi[1]).lower().rstrip('/')}"
    if text[:4].lower() == "www.":
        text = f"http://{text}"
    try:
        parts = urlsplit(f"http:{text}" if text.startswith("//") else text)
        return normal_url(parts) if parts.scheme.lower() in DEFAULT_PORTS else lower_scheme(text)
    except ValueError:  # an invalid port or IPv6 address
        return text


def lower_scheme(text: str) -> str:
    """Return an id with its scheme in lower case: S3://a and s3://a are the same."""
    scheme = SCHEME.match(text)
    return f"{scheme[0].lower()}{text[scheme.end() :]}" if scheme else text


def unwrap(text: str) -> str:
    """Return an address without the marks around it, and the target of a redirect page."""
    text = UNSEEN.sub("", text).replace("\\/", "/")
    if match := WRAPPED.fullmatch(text):
        text = next(filter(None, match.groups()), "").strip()
    if match := REDIRECT.match(text.partition("://")[2]):
        target = unquote(next(filter(None, match.groups())))
        return target if target.startswith(("http://", "https://")) else text
    return text


def without_dot_segments(path: str) -> str:
    """Return a path without `.`, `..` and empty parts. Source: RFC 3986, 5.2.4."""
    if "//" not in path and "/." not in path:
        return path.rstrip("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "".join(f"/{part}" for part in parts)


def normal_url(parts: SplitResult) -> str:
    """Return the normal form of a web address; raise ValueError for an invalid port."""
    path = without_dot_segments(SESSION.sub("", parts.path))
    path = "/".join(map(normal_part, path.split("/")))
    pairs = (pair for pair in parts.query.split("&") if pair and not is_tracking(pair))
    query = "&".join(sorted(normal_part(pair.replace("+", " "), "=") for pair in pairs))
    # A fragment is a place in a page, but #!/page and #/page are pages of their own.
    page = parts.fragment if parts.fragment.startswith(("!", "/")) else ""
    marks = f"?{query}" * bool(query) + f"#{normal_part(page, '/')}" * bool(page)
    return f"{normal_host(parts)}{path}{marks}"


def normal_host(parts: SplitResult) -> str:
    """Return the host in lower case and ASCII, with a port that is not the default."""
    host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:  # not a valid domain name
            host = quote(host)
    port = parts.port
    is_default = port in (None, DEFAULT_PORTS[parts.scheme.lower()])
    return host if is_default else f"{host}:{port}"


def normal_part(text: str, safe: str = "") -> str:
    """Return a part of a path or a query in NFC, with uniform percent-encoding."""
    decoded = unicodedata.normalize("NFC", unquote(text, errors="surrogateescape"))
    return quote(decoded, safe=UNRESERVED + safe, errors="surrogateescape")


def is_tracking(pair: str) -> bool:
    """Return whether a parameter only tracks where a visitor came from."""
    return bool(TRACKING.fullmatch(unquote(pair.partition("=")[0])))
