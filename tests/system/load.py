"""What back ends and devices do to a node until it dies, and what must be there afterwards.

Each connection has enrollments, groups and devices of its own, changes them as fast as it can, and remembers what was answered. Only
the one change that was in flight when the node died may have happened or not; which it was, the node says when it runs again.
"""

import http.client
import random
import threading

from node import derive_key, keys_of

CONNECTIONS = 4

# What each kind of change writes, and how often it is chosen.
EVENTS = {
    "create enrollment": "enrollment_created", "update enrollment": "enrollment_updated", "delete enrollment": "enrollment_deleted",
    "create group": "enrollment_group_created", "update group": "enrollment_group_updated", "delete group": "enrollment_group_deleted",
    "register": "device_registered", "register again": "device_registered", "delete record": "registration_deleted",
    "change settings": "service_settings_changed",
}
WEIGHTS = {
    "create enrollment": 10, "update enrollment": 10, "delete enrollment": 5, "create group": 3, "update group": 6, "delete group": 2,
    "register": 30, "register again": 24, "delete record": 6, "change settings": 4,
}
GROUPS_MAX = 5  # of one connection


def shown(entry):
    """What is remembered of an enrollment, a group or a registration record, whoever shows it."""
    kept = {name: entry.get(name) for name in ("createdDateTimeUtc", "lastUpdatedDateTimeUtc", "etag", "provisioningStatus", "assignedHub", "deviceId", "status")}
    return {**kept, "tags": entry.get("initialTwin", {}).get("tags")}


class Change:
    """A change that was sent: what there was before, and what shows that it happened."""

    def __init__(self, kind, place, key, before, tags=None):
        self.kind, self.place, self.key, self.before, self.tags = kind, place, key, before, tags

    def happened(self, there):
        """True or False; anything else that is there is wrong."""
        if there == self.before:
            return False
        if self.kind.startswith("delete"):
            right = there is None
        elif self.kind == "change settings":
            right = there == self.tags
        else:
            newer = self.before is None or (there is not None and there["lastUpdatedDateTimeUtc"] > self.before["lastUpdatedDateTimeUtc"]
                                            and there["etag"] != self.before["etag"]
                                            and there["createdDateTimeUtc"] == self.before["createdDateTimeUtc"])
            right = there is not None and newer and there["tags"] == self.tags
            if self.place == "registrations":
                right = right and (there["status"], there["assignedHub"], there["deviceId"]) == ("assigned", "hub1", self.key)
        assert right, f"{self.kind} {self.key}: {there} is neither what was answered before, {self.before}, nor what was asked for"
        return True


class Connection:
    """What belongs to one connection, through all lives of the node."""

    def __init__(self, number, fleet_key):
        self.number = number
        self.made = 0
        self.entries = {"enrollments": {}, "enrollmentGroups": {}, "registrations": {}}  # place -> id -> what was answered
        self.keys = {}         # of devices that may register: registration ID -> key
        self.fleet_key = fleet_key
        self.settings = None   # what the one connection that changes them was answered
        self.in_flight = None  # the change that was not answered, if any
        self.counted = {}      # event -> how many

    def new_name(self, what):
        self.made += 1
        return f"{what}-{self.number}-{self.made}"

    def count(self, kind):
        self.counted[EVENTS[kind]] = self.counted.get(EVENTS[kind], 0) + 1

    def put(self, place, key, there):
        if place == "settings":
            self.settings = there
        elif there is None:
            self.entries[place].pop(key, None)
        else:
            self.entries[place][key] = there

    def settle(self, there):
        """`there`: what the node now has of the change in flight."""
        change, self.in_flight = self.in_flight, None
        if change.happened(there):
            self.count(change.kind)
            self.put(change.place, change.key, there)


class Load(threading.Thread):
    """A connection at work until its node dies."""

    def __init__(self, node, service, connection, seed):
        super().__init__(daemon=True)
        self.node, self.service, self.of = node, service, connection
        self.random = random.Random(seed)
        self.wrong = None

    def run(self):
        try:
            client = self.node.connect()
            while True:
                self.one(client)
        except AssertionError as wrong:
            self.wrong = wrong
        except (OSError, http.client.HTTPException):
            pass  # the node is dead

    def one(self, client):
        possible = {
            "create enrollment": True, "register": True, "change settings": self.of.number == 0,
            "create group": len(self.of.entries["enrollmentGroups"]) < GROUPS_MAX,
            "update enrollment": self.of.entries["enrollments"], "delete enrollment": self.of.entries["enrollments"],
            "update group": self.of.entries["enrollmentGroups"], "delete group": self.of.entries["enrollmentGroups"],
            "register again": self.of.entries["registrations"].keys() & self.of.keys.keys(), "delete record": self.of.entries["registrations"],
        }
        kinds = [kind for kind in WEIGHTS if possible[kind]]
        kind = self.random.choices(kinds, [WEIGHTS[each] for each in kinds])[0]
        chosen = self.random.choice(sorted(possible[kind])) if possible[kind] is not True and kind not in ("create group", "change settings") else None
        if kind == "change settings":
            return self.change_settings(client)
        if kind.startswith("register"):
            return self.register(client, kind, chosen)
        place = {"enrollment": "enrollments", "group": "enrollmentGroups", "record": "registrations"}[kind.split()[1]]
        if kind.startswith("delete"):
            return self.delete(client, kind, place, chosen)
        return self.write(client, kind, place, chosen)

    def sent(self, kind, place, key, tags=None):
        before = self.of.settings if place == "settings" else self.of.entries[place].get(key)
        self.of.in_flight = Change(kind, place, key, before, tags)

    def answered(self, there):
        change = self.of.in_flight
        self.of.settle(there)
        assert there != change.before, f"{change.kind} {change.key} was answered, and {there} is as before"

    def register(self, client, kind, known):
        name = known
        if name is None:
            waiting = sorted(self.of.keys.keys() - self.of.entries["registrations"].keys())
            name = self.random.choice(waiting) if waiting and self.random.random() < 0.5 else self.of.new_name("device")
        key = self.of.keys.setdefault(name, derive_key(self.of.fleet_key, name))
        self.sent(kind, "registrations", name)
        status, answer = self.service.register(client, name, key, {"n": self.of.made})
        assert status == 200 and answer["status"] == "assigned", (kind, name, status, answer)
        self.answered(shown(answer["registrationState"]))

    def write(self, client, kind, place, known):
        name = known or self.of.new_name("enrolled" if place == "enrollments" else "group")
        tags = {"n": self.random.getrandbits(40)}
        body = {"attestation": {"type": "symmetricKey"}, "initialTwin": {"tags": tags}, "registrationId" if place == "enrollments" else "enrollmentGroupId": name}
        condition = {"If-Match": self.of.entries[place][name]["etag"]} if known else {}
        self.sent(kind, place, name, tags)
        status, _, answer = self.service.call(client, "PUT", f"/{place}/{name}", body, condition)
        assert status == 200, (kind, name, status, answer)
        if place == "enrollments":
            self.of.keys[name] = keys_of(answer)[0]
        self.answered(shown(answer))

    def delete(self, client, kind, place, name):
        condition = {"If-Match": self.of.entries[place][name]["etag"]}
        self.sent(kind, place, name)
        if place == "enrollments":
            self.of.keys.pop(name, None)  # whether the deletion happens or not
        status, _, answer = self.service.call(client, "DELETE", f"/{place}/{name}", None, condition)
        assert status == 204, (kind, name, status, answer)
        self.answered(None)

    def change_settings(self, client):
        groups_max = (self.of.settings + self.random.randrange(1, 9000)) % 9000 + 1000  # always another
        self.sent("change settings", "settings", "symmetricKeyGroupsMax", groups_max)
        status, _, answer = client.request("PATCH", "/operator/services/demo/settings", {"symmetricKeyGroupsMax": groups_max}, self.node.operator())
        assert status == 200, (status, answer)
        self.answered(answer["settings"]["symmetricKeyGroupsMax"])


def everything(node, client):
    """What the node has: place -> id -> entry, and the setting."""
    found = {}
    for place, path, name in (("enrollments", "enrollments", "registrationId"), ("enrollmentGroups", "groups", "enrollmentGroupId"),
                              ("registrations", "registrations", "registrationId")):
        entries, after = found.setdefault(place, {}), ""
        while after is not None:
            status, _, page = client.request("GET", f"/operator/services/demo/{path}?limit=1000&after={after}", None, node.operator())
            assert status == 200, (path, status, page)
            entries.update((each[name], shown(each)) for each in page["items"])
            after = page.get("next")
    status, _, service = client.request("GET", "/operator/services/demo", None, node.operator())
    assert status == 200, (status, service)
    return found, service["settings"]["symmetricKeyGroupsMax"]


def check(node, connections):
    """Everything that was answered is there and nothing else, and each change was counted once. Settles what was in flight."""
    client = node.connect()
    found, setting = everything(node, client)
    found["enrollmentGroups"].pop("fleet")
    for each in connections:
        if each.in_flight:
            place, key = each.in_flight.place, each.in_flight.key
            each.settle(setting if place == "settings" else found[place].get(key))
    assert setting == connections[0].settings, (setting, connections[0].settings)
    for place, entries in found.items():
        expected = {key: entry for each in connections for key, entry in each.entries[place].items()}
        wrong = [(key, expected.get(key), entries.get(key)) for key in expected.keys() | entries.keys() if expected.get(key) != entries.get(key)]
        assert not wrong, f"{len(wrong)} {place} are not as answered; (id, answered, there): {wrong[:3]}"
    usage = node.json("usage", "demo")
    counted = {}
    for period in usage["periods"]:
        for each in period["types"]:
            name = each["type"].split(".")[1]
            counted[name] = counted.get(name, 0) + each["events"]
    expected = {event: sum(each.counted.get(event, 0) for each in connections) for event in EVENTS.values()}
    expected["enrollment_group_created"] += 1  # fleet
    assert all(counted.get(event, 0) == number for event, number in expected.items()), (counted, expected)
    operations = sum(expected.values()) - expected["service_settings_changed"]
    assert usage["operations"] == operations, (usage["operations"], operations)
    client.close()
    return operations


def connections_of(node, service):
    """The connections to a new service, and the group that they share."""
    client = node.connect()
    fleet_key, _ = keys_of(service.create_group(client, "fleet"))
    client.close()
    connections = [Connection(number, fleet_key) for number in range(CONNECTIONS)]
    connections[0].settings = service.info["settings"]["symmetricKeyGroupsMax"]
    return connections


def start_load(node, service, connections, seed):
    loads = [Load(node, service, each, seed * 7919 + each.number) for each in connections]
    for load in loads:
        load.start()
    return loads


def end_load(loads):
    """After the node died."""
    for load in loads:
        load.join(30)
        if load.wrong:
            raise load.wrong
