"""A strict reader of ALB's log lines: what it does not know is an error."""

import re
from datetime import datetime, timezone

FIELDS = (
    "type time elb client target request_time target_time response_time elb_status "
    "target_status received sent request user_agent cipher protocol group trace_id domain "
    "certificate rule created actions redirect_url error_reason targets target_statuses "
    "classification classification_reason conn_id transformed_host transformed_uri "
    "transform_status address target_error elb_error").split()
QUOTED = {13, 14, 18, 19, 20, 23, 24, 25, 26, 27, 28, 29, 31, 32, 33, 35, 36}

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
SECONDS = r"(-1|\d+\.\d{3})"
PEER = r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):\d+"
STATUS = r"[1-5]\d\d"
ARN = r"arn:aws:%s:[a-z0-9-]+:\d{12}:%s"
FORMS = {
    "type": "https?|wss?", "time": TIME, "elb": r"app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}",
    "client": PEER, "target": f"-|{PEER}", "request_time": SECONDS,
    "target_time": SECONDS, "response_time": SECONDS, "elb_status": STATUS,
    "target_status": f"-|{STATUS}", "received": r"\d+", "sent": r"\d+",
    "request": r"- https?://\S+:\d+- -|\S+ https?://\S+:\d+\S* HTTP/1\.[01]",
    "cipher": r"-|[A-Z0-9_-]+", "protocol": r"-|TLSv1\.[23]",
    "group": "-|" + ARN % ("elasticloadbalancing", "targetgroup/[A-Za-z0-9-]+/[0-9a-f]{16}"),
    "trace_id": r"-|(Root|Self)=1-[0-9a-f]{8}-[0-9a-f]{24}(;.*)?",
    "certificate": "-|session-reused|" + ARN % ("acm", r"certificate/[0-9a-f-]{36}"),
    "rule": r"-|-1|\d+", "created": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000Z",
    "actions": "-|(rewrite,)?forward|rewrite|redirect|fixed-response",
    "error_reason": r"-|[A-Z]\w+", "targets": f"-|{PEER}", "target_statuses": f"-|{STATUS}",
    "classification": "-|Acceptable|Ambiguous|Severe", "classification_reason": r"-|[A-Z]\w+",
    "conn_id": "TID_[0-9a-f]{32}", "transform_status": r"-|Transform\w+",
    "address": r"-|[0-9a-f.:]+", "target_error": "-", "elb_error": "-",
}
FIELD = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]|\\x(?:22|5c|7f|[01][0-9a-f]))*)"|([^" ]+)')


def split(line):
    """The fields, and the numbers of those in quotes."""
    values, quoted, at = [], set(), 0
    while True:
        found = FIELD.match(line, at)
        if not found:
            raise AssertionError(f"no field at {at}: {line!r}")
        if found.group(2) is None:
            quoted.add(len(values) + 1)
        values.append(found.group(1) if found.group(2) is None else found.group(2))
        at = found.end()
        if at == len(line):
            return values, quoted
        if line[at] != " ":
            raise AssertionError(f"no space at {at}: {line!r}")
        at += 1


class Access:
    """One line of an access log."""

    def __init__(self, line):
        values, quoted = split(line)
        if len(values) != len(FIELDS):
            raise AssertionError(f"{len(values)} fields: {line!r}")
        if quoted != QUOTED:
            raise AssertionError(f"quoted are {sorted(quoted)}: {line!r}")
        self.line = line
        for name, value in zip(FIELDS, values):
            form = FORMS.get(name)
            if form and not re.fullmatch(form, value):
                raise AssertionError(f"{name} is {value!r}: {line!r}")
            setattr(self, name, value)
        self._check()

    def _check(self):
        """What one field says of another."""
        def must(fact):
            if not fact:
                raise AssertionError(f"contradiction: {self.line!r}")
        must(self.targets == self.target and self.target_statuses == self.target_status)
        must((self.classification == "-") == (self.classification_reason == "-"))
        must((self.cipher == "-") == (self.protocol == "-"))
        must(self.cipher != "-" or (self.certificate, self.domain) == ("-", "-"))
        must(seconds(self.created) <= seconds(self.time))
        # Times that are known come before those that are not.
        must(self.target_time == "-1" or self.request_time != "-1")
        must(self.response_time == "-1" or self.target_time != "-1")
        must((self.response_time != "-1") == (self.target_status != "-"))
        must(self.target_status == "-" or self.target != "-")
        must(self.target == "-" or self.group != "-")


def seconds(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=timezone.utc).timestamp()
