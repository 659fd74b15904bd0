"""shapes - pairs of rulesets that need other sets than each other.

Both of a pair admit UDP from 203.0.113.0/24 to port 9 of 10.0.1.11, and
neither admits port 10.
"""


def crowd(n, name="web"):
    """A group of n rules, of which the last admits what the client sends."""
    rules = "".join(f"      - {{protocol: udp, ports: {2000 + i}, from: 10.{i // 250}.{i % 250}.0/24}}\n"
                    for i in range(n - 1))
    return (f"  - name: {name}\n    ingress:\n{rules}"
            "      - {protocol: udp, ports: 9, from: 203.0.113.0/24}\n")


def one_instance(groups, names="web", rest=""):
    return (f"security_groups:\n{groups}{rest}"
            f"instances: {{name: web1, addresses: 10.0.1.11, security_groups: {names}}}\n")


def admitted_by(peer):
    return ("  - name: web\n    ingress: {protocol: udp, ports: 9, from: " + peer + "}\n")


MANY = "prefix_lists:\n  - name: many\n    entries:\n      - {cidr: 203.0.113.0/24}\n" + "".join(
    f"      - {{cidr: 10.{i // 250}.{i % 250}.0/24}}\n" for i in range(4999))

# Two rulesets each, which both admit the stream.
PAIRS = {
    "crossing 32 rules": (one_instance(crowd(20)), one_instance(crowd(40))),
    "20 to 2,000 rules": (one_instance(crowd(20)), one_instance(crowd(2000))),
    "a network to a prefix list of 5,000": (
        one_instance(admitted_by("203.0.113.0/24")),
        one_instance(admitted_by("{prefix_list: many}"), rest=MANY)),
    "group by group": (one_instance(crowd(40), "web"), one_instance(crowd(40, "app"), "app")),
}
