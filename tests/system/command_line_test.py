"""Every command of `muster` against a node: what it does, prints and answers with, and what it says about mistakes."""

import base64
import json
import os
import subprocess

from node import MUSTER, Node

KEY = base64.b64encode(b"k" * 64).decode()


def refused(node, code, phrase, *arguments):
    """The command fails with this exit code, prints nothing on stdout, and says why on stderr."""
    run = node.cli(*arguments, check=False)
    assert run.returncode == code and run.stdout == "" and phrase in run.stderr, (arguments, run)


def services_and_hubs(node):
    made = node.json("service", "create", "demo", "--id-scope", "0ne0000ABCD", "--hub", "hub1:3", "--hub", "hub2")
    assert made["name"] == "demo" and made["idScope"] == "0ne0000ABCD"
    assert [(hub["name"], hub["weight"]) for hub in made["hubs"]] == [("hub1", 3), ("hub2", 1)]
    assert "SharedAccessKeyName=provisioningserviceowner;" in made["connectionString"]
    assert os.path.exists(made["ca"]) and made["serviceEndpoint"] and made["deviceEndpoint"]
    assert node.json("service", "show", "demo") == made
    assert node.json("service", "create", "other")["hubs"][0]["name"] == "hub1"
    assert [each["name"] for each in node.json("service", "list")["items"]] == ["demo", "other"]
    refused(node, 1, "already exists", "service", "create", "demo")
    refused(node, 1, "no service 'nobody'", "service", "show", "nobody")
    refused(node, 2, "expected NAME or NAME:WEIGHT", "service", "create", "third", "--hub", "hub1:much")
    refused(node, 2, "NAME is missing", "service", "create")

    changed = node.json("service", "set", "demo", "allocationPolicy=static", "symmetricKeyGroupsMax=7")
    assert changed["settings"] == {"allocationPolicy": "static", "assigningFirst": False, "symmetricKeyGroupsMax": 7}
    node.cli("service", "set", "demo", "allocationPolicy=hashed")
    refused(node, 2, "expected KEY=VALUE", "service", "set", "demo", "assigningFirst")
    refused(node, 1, "allocationPolicy", "service", "set", "demo", "allocationPolicy=random")
    refused(node, 1, "foo: there is no such member; expected allocationPolicy", "service", "set", "demo", "foo=1")

    linked = node.json("hub", "link", "demo", "hub3", "--weight", "5", "--no-allocation")
    assert linked["hubs"][2] == {"name": "hub3", "weight": 5, "applyAllocationPolicy": False}
    refused(node, 2, "--weight: expected a whole number", "hub", "link", "demo", "hub3", "--weight", "heavy")
    assert node.json("hub", "unlink", "demo", "hub3") == {"hub": "hub3", "deleted": True}
    assert [hub["name"] for hub in node.json("hub", "list", "demo")["hubs"]] == ["hub1", "hub2"]
    assert node.cli("hub", "list", "demo").stdout.splitlines()[1].split() == ["hub1", "3", "true"]


def dots_are_ids(node):
    """A client that tidies paths would turn `..` into another object: a device into its hub, a hub into the service."""
    before = [node.cli(*what).stdout for what in (["service", "list", "-o", "json"], ["hub", "list", "demo", "-o", "json"])]
    for dots in (".", ".."):
        for what in ("show", "create"):
            refused(node, 1, f"'{dots}'" if what == "show" else "service name", "service", what, dots)
        refused(node, 1, f"no service '{dots}'", "service", "set", dots, "assigningFirst=true")
        refused(node, 1, f"no service '{dots}'", "hub", "list", dots)
        refused(node, 1, f"no service '{dots}'", "history", dots)
        refused(node, 1, f"no service '{dots}'", "usage", dots)
        refused(node, 1, f"no service '{dots}'", "webhook", "remove", dots)
        refused(node, 1, "hub name", "hub", "link", "demo", dots)
        refused(node, 1, "hub name", "hub", "unlink", "demo", dots)
        refused(node, 1, "hub name", "hub", "devices", "demo", dots)
        refused(node, 1, f"no device '{dots}'", "hub", "devices", "demo", "hub1", dots)
        refused(node, 1, f"no device '{dots}'", "hub", "delete-device", "demo", "hub1", dots)
        for entry in ("enrollment", "group"):
            for what in ("create", "show", "update", "delete"):
                refused(node, 1, "in the path", entry, what, "demo", dots)
        for what in ("show", "delete"):
            refused(node, 1, "in the path", "registration", what, "demo", dots)
    assert before == [node.cli(*what).stdout for what in (["service", "list", "-o", "json"], ["hub", "list", "demo", "-o", "json"])]
    # A device id may be dots; such a device can be shown and removed.
    node.json("enrollment", "create", "demo", "dotted", "--device-id", "..", "--primary-key", KEY, "--hub", "hub1")
    node.json("device", "register", "--id-scope", "0ne0000ABCD", "--id", "dotted", "--key", KEY)
    assert node.json("hub", "devices", "demo", "hub1", "..")["registrationId"] == "dotted"
    node.cli("hub", "delete-device", "demo", "hub1", "..")
    refused(node, 1, "no device '..'", "hub", "devices", "demo", "hub1", "..")
    node.cli("registration", "delete", "demo", "dotted")
    node.cli("enrollment", "delete", "demo", "dotted")


def enrollments(node):
    made = node.json("enrollment", "create", "demo", "Dev-1", "--device-id", "d1", "--primary-key", KEY, "--secondary-key", KEY,
                     "--tags", '{"site":"a"}', "--desired", '{"every_s":5}', "--hub", "hub2", "--reprovision", "reset", "--edge")
    assert made["attestation"]["symmetricKey"]["primaryKey"] == KEY and made["provisioningStatus"] == "enabled"
    assert made["iotHubs"] == ["hub2"] and made["allocationPolicy"] == "static" and made["capabilities"] == {"iotEdge": True}
    assert made["reprovisionPolicy"] == {"updateHubAssignment": True, "migrateDeviceData": False}
    refused(node, 1, "(409)", "enrollment", "create", "demo", "dev-1")

    # An update changes what it names, and nothing else.
    disabled = node.json("enrollment", "update", "demo", "dev-1", "--disabled", "--tags", '{"site":"b"}')
    assert disabled["provisioningStatus"] == "disabled"
    assert disabled["initialTwin"] == {"tags": {"site": "b"}, "properties": {"desired": {"every_s": 5}}}
    for same in ("attestation", "iotHubs", "allocationPolicy", "capabilities", "reprovisionPolicy", "deviceId", "registrationId"):
        assert disabled[same] == made[same], same
    refused(node, 1, "(412)", "enrollment", "update", "demo", "dev-1", "--enabled", "--etag", made["etag"])
    refused(node, 1, "(412)", "enrollment", "delete", "demo", "dev-1", "--etag", made["etag"])
    refused(node, 1, "not found", "enrollment", "update", "demo", "nobody", "--disabled")
    refused(node, 2, "either --enabled or --disabled", "enrollment", "update", "demo", "dev-1", "--enabled", "--disabled")
    refused(node, 2, "--tags: expected a JSON object", "enrollment", "update", "demo", "dev-1", "--tags", "[1]")
    refused(node, 2, "--reprovision", "enrollment", "create", "demo", "dev-2", "--reprovision", "perhaps")
    node.cli("enrollment", "update", "demo", "dev-1", "--enabled")

    shown = node.json("enrollment", "show", "demo", "dev-1")
    assert KEY not in json.dumps(shown) and shown["provisioningStatus"] == "enabled"
    listed = node.json("enrollment", "list", "demo")["items"]
    assert [each["registrationId"] for each in listed] == ["Dev-1"] and KEY not in json.dumps(listed)


def groups(node):
    made = node.json("group", "create", "demo", "fleet", "--primary-key", KEY, "--secondary-key", KEY)
    assert made["enrollmentGroupId"] == "fleet"
    updated = node.json("group", "update", "demo", "fleet", "--tags", '{"fleet":true}')
    assert updated["attestation"] == made["attestation"] and updated["initialTwin"]["tags"] == {"fleet": True}
    assert node.json("group", "show", "demo", "fleet")["etag"] == updated["etag"]
    assert [each["enrollmentGroupId"] for each in node.json("group", "list", "demo")["items"]] == ["fleet"]
    return node.json("group", "derive-key", "dev-7", "--key", KEY)["key"]


def devices(node, derived):
    own = ["device", "register", "--id-scope", "0ne0000ABCD", "--id"]
    first = node.json(*own, "dev-1", "--key", KEY, "--payload", '{"model":"m"}')
    assert first["registrationState"]["assignedHub"].startswith("hub2") and first["registrationState"]["deviceId"] == "d1"
    assert node.json(*own, "dev-7", "--key", derived)["status"] == "assigned"
    assert node.cli(*own, "dev-8", "--group-key", KEY).stdout.startswith("assigned  hub")
    refused(node, 1, "not assigned", *own, "dev-1", "--key", base64.b64encode(b"x" * 64).decode())
    refused(node, 1, "not assigned", *own, "stranger-1", "--key", KEY)
    refused(node, 2, "either --key", *own, "dev-1")
    refused(node, 2, "--id is missing", "device", "register", "--id-scope", "0ne0000ABCD", "--key", KEY)
    node.cli("service", "set", "demo", "assigningFirst=true")
    assert node.json(*own, "dev-9", "--group-key", KEY)["status"] == "assigned", "polled"
    node.cli("service", "set", "demo", "assigningFirst=false")

    assert node.json("registration", "list", "demo", "--count") == {"count": 4}
    assert node.cli("registration", "list", "demo", "--count", "--group", "fleet").stdout == "3\n"
    page = node.json("registration", "list", "demo", "--limit", "3")
    rest = node.json("registration", "list", "demo", "--limit", "3", "--after", page["next"])
    ids = [each["registrationId"].lower() for each in page["items"] + rest["items"]]
    assert ids == ["dev-1", "dev-7", "dev-8", "dev-9"], (page, rest)
    assert node.json("registration", "show", "demo", "dev-7")["status"] == "assigned"
    assert node.json("registration", "show", "demo", "dev-7")["enrollmentGroupId"] == "fleet"
    assert node.json("registration", "delete", "demo", "dev-7") == {"registrationId": "dev-7", "deleted": True}
    refused(node, 1, "not found", "registration", "show", "demo", "dev-7")

    assert "symmetricKey" not in node.json("hub", "devices", "demo", "hub2", "d1")
    shown = node.json("hub", "devices", "demo", "hub2", "d1", "--keys")
    assert shown["symmetricKey"]["primaryKey"] and shown["tags"] == {"site": "b"}
    assert "d1" in [each["deviceId"] for each in node.json("hub", "devices", "demo", "hub2")["items"]]
    refused(node, 1, "has no hub 'nosuch'", "hub", "devices", "demo", "nosuch")
    assert node.json("hub", "delete-device", "demo", "hub2", "d1") == {"deviceId": "d1", "deleted": True}
    refused(node, 1, "no device 'd1'", "hub", "devices", "demo", "hub2", "d1")
    # A registration that fails says why by DPS's number: the only hub it may be on is gone.
    node.cli("hub", "link", "demo", "hub9")
    node.json("enrollment", "create", "demo", "homeless", "--primary-key", KEY, "--hub", "hub9")
    node.json("hub", "unlink", "demo", "hub9")
    refused(node, 1, "(400208)", *own, "homeless", "--key", KEY)
    assert node.json("enrollment", "delete", "demo", "homeless") == {"registrationId": "homeless", "deleted": True}
    node.cli("registration", "delete", "demo", "homeless")
    node.cli("enrollment", "delete", "demo", "dev-1")
    assert node.json("group", "delete", "demo", "fleet") == {"enrollmentGroupId": "fleet", "deleted": True}


def history_and_usage(node):
    events = [json.loads(line) for line in node.cli("history", "demo", "--json").stdout.splitlines()]
    assert all(event["specversion"] == "1.0" and event["source"] == "/services/0ne0000ABCD" for event in events)
    own = [json.loads(line) for line in node.cli("history", "demo", "DEV-1", "--json").stdout.splitlines()]
    mine = ("devices/dev-1", "hubs/hub2/d1")
    assert own == [event for event in events if event["subject"] in mine] and len(own) >= 6 and {event["subject"] for event in own} == set(mine)
    refused_to = [json.loads(line) for line in node.cli("history", "demo", "STRANGER-1", "--json").stdout.splitlines()]
    assert [event["type"] for event in refused_to] == ["muster.registration_refused.v1"], refused_to
    assert refused_to[0]["data"]["attempt"]["registrationId"] == "stranger-1"
    refusals = [json.loads(line) for line in node.cli("history", "demo", "--stream", "refusals", "--json").stdout.splitlines()]
    assert refused_to[0] in refusals and all(event["subject"] == "refusals" for event in refusals)
    nothing = node.cli("history", "demo", "nobody-at-all")
    assert nothing.stdout == "" and "no event of 'nobody-at-all'" in nothing.stderr
    assert len(node.cli("history", "demo", "dev-1", "--json", "--limit", "3").stdout.splitlines()) == 3
    later = [json.loads(line) for line in node.cli("history", "demo", "--json", "--after", events[2]["id"], "--limit", "2").stdout.splitlines()]
    assert later == events[3:5]
    readable = node.cli("history", "demo", "dev-1").stdout
    assert "enrollment_created" in readable and "by operator:admin" in readable and KEY not in readable
    refused(node, 2, "--limit: expected a whole number", "history", "demo", "--limit", "few")
    refused(node, 1, "after: expected SHARD-SEQUENCE", "history", "demo", "--after", "yesterday")

    usage = node.json("usage", "demo")
    assert usage["operations"] == sum(1 for event in events if event["operation"]) == sum(usage["byType"].values())
    assert node.cli("usage", "demo").stdout.startswith(f"operations  {usage['operations']}\n")
    assert node.json("verify")["ok"] is True and node.cli("verify").stdout.startswith("ok: ")
    assert node.json("rebuild")["events"] >= len(events)


def ways_to_reach_a_node(node):
    token = open(os.path.join(node.data, "operator.token")).read().strip()
    assert os.stat(os.path.join(node.data, "operator.token")).st_mode & 0o777 == 0o600
    url = f"https://localhost:{node.port}"

    def away(*arguments, **variables):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
        return subprocess.run([MUSTER, *arguments], capture_output=True, text=True, timeout=60, cwd="/", env={**clean, **variables})

    assert away("service", "list", "--url", url, "--token", token, "--ca", node.ca).returncode == 0
    assert away("service", "list", MUSTER_URL=url, MUSTER_TOKEN=token, MUSTER_CA=node.ca).returncode == 0
    assert away("service", "list", MUSTER_DATA=node.data).returncode == 0
    assert away("service", "list", "--data", node.data, MUSTER_URL="https://localhost:1", MUSTER_TOKEN="guess").returncode == 0
    wrong = away("service", "list", "--url", url, "--token", "guess", "--ca", node.ca)
    assert wrong.returncode == 1 and "(401)" in wrong.stderr, wrong
    # What is given prevails over what lies in the data directory.
    for wrong in (away("service", "list", "--data", node.data, "--token", "guess"),
                  away("service", "list", "--data", node.data, MUSTER_TOKEN="guess")):
        assert wrong.returncode == 1 and "(401)" in wrong.stderr, wrong
    nobody = away("service", "list", "--data", node.data, "--ca", os.path.join(node.data, "operator.token"))
    assert nobody.returncode == 1 and "certificate" in nobody.stderr, nobody
    untrusted = away("service", "list", "--url", url, "--token", token)
    assert untrusted.returncode == 1 and "certificate" in untrusted.stderr, untrusted
    nowhere = away("service", "list", "--url", "https://localhost:1", "--token", token, "--ca", node.ca)
    assert nowhere.returncode == 1 and nowhere.stderr, nowhere


def output_that_is_lost(node):
    for arguments in (["history", "demo"], ["history", "demo", "--json"], ["tail", "demo", "--from-start", "--limit", "3"],
                      ["service", "list", "--output", "json"], ["verify"], ["help"]):
        with open("/dev/full", "w") as full:
            where = [] if arguments == ["help"] else ["--data", node.data]
            lost = subprocess.run([MUSTER, *arguments, *where], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        assert lost.returncode == 1, (arguments, lost)
        assert lost.stderr == "muster: the output could not be written: No space left on device\n", (arguments, lost)
    # Nobody reads on: by SIGPIPE, or where that is ignored.
    for quietly in (f"'{MUSTER}' history demo --data '{node.data}' | head -n 1", f"trap '' PIPE; '{MUSTER}' history demo --data '{node.data}' | true"):
        done = subprocess.run(["bash", "-c", f"{quietly}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 141) and not done.stderr, (quietly, done)


def shards_need_not_be_said_again(node):
    node.stop()
    wrong = subprocess.run([MUSTER, "serve", "--data", node.data, "--set", "journal.shards=3"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 1 and "has 2 shards, and 3 were asked for" in wrong.stderr, wrong
    node.settings = ()
    node.start()
    assert len(node.json("verify")["shards"]) == 2


def help_texts():
    overview = subprocess.run([MUSTER, "help"], capture_output=True, text=True).stdout
    commands = [line.split("  ")[1].strip() for line in overview.splitlines() if line.startswith("  ")]
    assert {"serve", "service create", "device register", "history", "verify", "version"} <= set(commands), commands
    for command in commands:
        text = subprocess.run([MUSTER, *command.split(), "--help"], capture_output=True, text=True)
        assert text.returncode == 0 and text.stdout and not text.stderr, (command, text)
        assert command in ("serve", "version") or "Example: muster " in text.stdout, text.stdout
    version = subprocess.run([MUSTER, "version", "--output", "json"], capture_output=True, text=True)
    assert json.loads(version.stdout)["version"]


def main():
    with Node("journal.shards=2") as node:
        help_texts()
        services_and_hubs(node)
        dots_are_ids(node)
        enrollments(node)
        devices(node, groups(node))
        history_and_usage(node)
        ways_to_reach_a_node(node)
        output_that_is_lost(node)
        shards_need_not_be_said_again(node)
    print("every command does and says what it should")


if __name__ == "__main__":
    main()
