"""Bad input gets the documented status, an error in DPS's form that says what is wrong, and changes nothing."""

import base64
import json
import socket
import urllib.parse

from node import API, SERVICE_API, Node, Service, keys_of, sas_token

JSON = {"Content-Type": "application/json; charset=utf-8"}


class Table:
    """Requests over one connection, each with what must come back."""

    def __init__(self, node, service):
        self.node, self.service, self.client, self.checked, self.wrong = node, service, node.connect(), 0, []

    def expect(self, what, status, code, phrase, method, path, body=None, headers=None):
        try:
            self.check(what, status, code, phrase, self.client.request(method, path, body, headers))
        except AssertionError as wrong:
            self.wrong.append(str(wrong))  # all of them are wanted, not the first
        self.checked += 1

    @staticmethod
    def check(what, status, code, phrase, response):
        got, answer_headers, answer = response
        text = f"{what}: {got} {answer}"
        assert got == status, f"{text}, expected {status}"
        assert isinstance(answer, dict), text
        assert answer["errorCode"] == code, f"{text}, expected {code}"
        assert phrase.lower() in answer["message"].lower(), f"{text}, expected {phrase!r} in the message"
        assert answer["trackingId"] == answer_headers["x-ms-request-id"], text
        assert answer_headers["x-ms-error-code"] == str(code), text
        assert answer["timestampUtc"].endswith("Z"), text
        if status in (429, 503):
            assert int(answer_headers["Retry-After"]) > 0, text

    def service_call(self, what, status, code, phrase, method, path, body=None, headers=None):
        separator = "&" if "?" in path else "?"
        self.expect(what, status, code, phrase, method, f"{path}{separator}{SERVICE_API}", body,
                    {**self.service.authorization(), **JSON, **(headers or {})})


def enrollment(**members):
    return {"registrationId": "x-1", "attestation": {"type": "symmetricKey"}, **members}


def bodies(t):
    put = lambda what, status, code, phrase, body: t.service_call(what, status, code, phrase, "PUT", "/enrollments/x-1", body)
    put("no body", 400, 400001, "body", b"")
    put("truncated", 400, 400001, "json", b'{"registrationId":"x-1","attestation":{"type":')
    put("not UTF-8", 400, 400001, "utf-8", b'{"registrationId":"x-1","deviceId":"\xff\xfe"}')
    put("an array", 400, 400001, "object", b"[1,2]")
    put("deeply nested", 400, 400001, "deep", b'{"registrationId":"x-1","optionalDeviceInformation":' + b'{"a":' * 100 + b"1" + b"}" * 101)
    put("duplicated member", 400, 400001, "registrationId", b'{"registrationId":"x-1","registrationId":"x-1","attestation":{"type":"symmetricKey"}}')
    put("duplicated inside", 400, 400001, "twice", b'{"registrationId":"x-1","attestation":{"type":"symmetricKey"},"initialTwin":{"tags":{"a":1,"a":2}}}')
    put("trailing text", 400, 400001, "json", json.dumps(enrollment()).encode() + b" x")
    put("another id", 400, 400004, "registrationId", enrollment(registrationId="x-2"))
    put("id of a wrong type", 400, 400004, "registrationId", enrollment(registrationId=7))
    put("no attestation", 400, 400004, "attestation", {"registrationId": "x-1"})
    put("attestation type unknown", 400, 400004, "attestation.type", enrollment(attestation={"type": "magic"}))
    put("attestation type not here yet", 400, 400004, "x509", enrollment(attestation={"type": "x509"}))
    put("key not base64", 400, 400004, "primaryKey", enrollment(attestation={"type": "symmetricKey", "symmetricKey": {"primaryKey": "!!"}}))
    put("key too short", 400, 400004, "16 to 64", enrollment(attestation={"type": "symmetricKey", "symmetricKey": {"primaryKey": "AAAA"}}))
    put("status unknown", 400, 400004, "provisioningStatus", enrollment(provisioningStatus="maybe"))
    put("hubs without policy", 400, 400004, "allocationPolicy", enrollment(iotHubs=["hub1"]))
    put("static with two hubs", 400, 400004, "static", enrollment(iotHubs=["hub1", "hub2"], allocationPolicy="static"))
    put("policy not here yet", 400, 400004, "geoLatency", enrollment(allocationPolicy="geoLatency"))
    put("hub name illegal", 400, 400004, "iotHubs", enrollment(iotHubs=["no hub"], allocationPolicy="static"))
    put("device id illegal", 400, 400004, "deviceId", enrollment(deviceId="a b"))
    put("twin tags no object", 400, 400004, "tags", enrollment(initialTwin={"tags": [1]}))
    put("twin tags too large", 400, 400004, "tags", enrollment(initialTwin={"tags": {"a": "x" * 9000}}))
    put("iotEdge no boolean", 400, 400004, "iotEdge", enrollment(capabilities={"iotEdge": "yes"}))
    t.service_call("group id differs", 400, 400004, "enrollmentGroupId", "PUT", "/enrollmentGroups/g-1",
                   {"enrollmentGroupId": "g-2", "attestation": {"type": "symmetricKey"}})
    t.service_call("wrong media type", 415, 415000, "application/json", "PUT", "/enrollments/x-1", b"<x/>", {"Content-Type": "text/xml"})


def paths(t):
    t.service_call("illegal id", 400, 400004, "registration id", "PUT", "/enrollments/" + urllib.parse.quote("a b/ü", safe=""), enrollment())
    t.service_call("id ends badly", 400, 400004, "registration id", "GET", "/enrollments/abc_")
    t.service_call("id too long", 400, 400004, "128", "GET", "/enrollments/" + "a" * 129)
    t.service_call("no enrollment", 404, 404201, "not found", "GET", "/enrollments/nobody")
    t.service_call("no group", 404, 404204, "not found", "GET", "/enrollmentGroups/nobody")
    t.service_call("no registration", 404, 404202, "not found", "GET", "/registrations/nobody")
    t.service_call("delete nothing", 404, 404201, "not found", "DELETE", "/enrollments/nobody")
    t.service_call("missing id", 405, 405000, "", "PUT", "/enrollments")
    t.service_call("wrong method", 405, 405000, "", "PATCH", "/enrollments/x-1", {})
    t.service_call("no such path", 404, 404000, "", "GET", "/nothing/here")
    t.expect("no api-version", 400, 400004, "api-version", "GET", "/enrollments/x-1", None, t.service.authorization())
    t.expect("odd api-version", 400, 400004, "api-version", "GET", "/enrollments/x-1?api-version=new", None, t.service.authorization())


def preconditions(t):
    client = t.client
    created = t.service.enroll(client, "kept")
    t.service_call("exists", 409, 409201, "already exists", "PUT", "/enrollments/kept", enrollment(registrationId="kept"))
    t.service_call("stale etag", 412, 412201, "precondition", "PUT", "/enrollments/kept", enrollment(registrationId="kept"), {"If-Match": "IjAi"})
    t.service_call("stale delete", 412, 412201, "precondition", "DELETE", "/enrollments/kept", None, {"If-Match": '"IjAi"'})
    t.service_call("update of nothing", 412, 412201, "no such entry", "PUT", "/enrollments/x-1", enrollment(), {"If-Match": "*"})
    t.service_call("odd idempotency key", 400, 400004, "Idempotency-Key", "PUT", "/enrollments/x-1", enrollment(), {"Idempotency-Key": "a" * 129})
    t.service.create_group(client, "kept-group")
    group = {"enrollmentGroupId": "kept-group", "attestation": {"type": "symmetricKey"}}
    t.service_call("group exists", 409, 409202, "already exists", "PUT", "/enrollmentGroups/kept-group", group)
    t.service_call("stale etag of a group", 412, 412202, "precondition", "PUT", "/enrollmentGroups/kept-group", group, {"If-Match": "IjAi"})
    t.service_call("stale delete of a group", 412, 412202, "precondition", "DELETE", "/enrollmentGroups/kept-group", None, {"If-Match": "IjAi"})
    seen = keys_of(t.service.enroll(client, "seen"))[0]
    assert t.service.register(client, "seen", seen)[0] == 200
    t.service_call("stale delete of a registration", 412, 412203, "precondition", "DELETE", "/registrations/seen", None, {"If-Match": "IjAi"})
    for form in ("{}", '"{}"', "*", '"*"'):
        status, _, updated = t.service.call(client, "PUT", "/enrollments/kept", created, {"If-Match": form.format(created["etag"])})
        assert status == 200, (form, status, updated)
        created = updated


def authorization(t):
    service, other_key = t.service, base64.b64encode(b"k" * 64).decode()
    get = lambda what, phrase, token, code=401002: t.expect(what, 401, code, phrase, "GET", f"/enrollments/kept?{SERVICE_API}", None,
                                               {"Authorization": token} if token else {})
    get("no token", "missing", "", 401000)
    get("another scheme", "shared access signature", "Basic YTpi", 401000)
    get("wrong key", "", sas_token(service.host, other_key, service.policy))
    get("expired", "expired", sas_token(service.host, service.key, service.policy, -60))
    get("another host", "not for this path", sas_token("elsewhere.example", service.key, service.policy))
    get("no policy", "skn", sas_token(service.host, service.key))
    get("unknown policy", "", sas_token(service.host, service.key, "nobody"))
    get("another path", "not for this path", sas_token(service.host + "/enrollmentGroups", service.key, service.policy))
    get("parameter twice", "shared access signature", sas_token(service.host, service.key, service.policy) + "&sr=other", 401000)
    t.expect("no operator", 401, 401000, "", "GET", "/operator/services")
    t.expect("wrong operator", 401, 401002, "", "GET", "/operator/services", None, {"Authorization": "Bearer wrong"})


def devices(t, keys):
    scope = t.service.scope
    resource = f"{scope}/registrations/kept"
    good = sas_token(resource, keys[0], "registration")

    def put(what, status, code, phrase, path=f"/{scope}/registrations/kept/register?{API}", body=None, token=good, method="PUT"):
        headers = {**JSON, **({"Authorization": token} if token else {})}
        t.expect(what, status, code, phrase, method, path, {"registrationId": "kept"} if body is None else body, headers)

    for what, token in (("no token", None), ("malformed token", "SharedAccessSignature sr=x"), ("wrong key", sas_token(resource, base64.b64encode(b"k" * 64).decode())),
                        ("expired", sas_token(resource, keys[0], None, -10)), ("another device", sas_token(f"{scope}/registrations/other", keys[0])),
                        ("another scope", sas_token("0ne00000000/registrations/kept", keys[0])), ("odd key name", sas_token(resource, keys[0], "admin"))):
        put(what, 401, 401002, "unauthorized", token=token)
    put("unknown device", 401, 401002, "unauthorized", path=f"/{scope}/registrations/stranger/register?{API}", body={"registrationId": "stranger"},
        token=sas_token(f"{scope}/registrations/stranger", keys[0]))
    put("unknown scope", 404, 404000, "scope", path=f"/0ne00000000/registrations/kept/register?{API}")
    put("no api-version", 400, 400004, "api-version", path=f"/{scope}/registrations/kept/register")
    put("another id in the body", 400, 400004, "registrationId", body={"registrationId": "other"})
    put("malformed body", 400, 400001, "json", body=b'{"registrationId":')
    put("duplicated member", 400, 400001, "twice", body=b'{"registrationId":"kept","payload":{"a":1,"a":1}}')
    put("unknown operation", 404, 404203, "operation", path=f"/{scope}/registrations/kept/operations/4.0.x?{API}", method="GET", body={})
    put("never registered", 404, 404202, "not found", path=f"/{scope}/registrations/kept?{API}", method="POST")
    put("wrong method", 405, 405000, "", path=f"/{scope}/registrations/kept/register?{API}", method="POST")
    put("not UTF-8", 400, 400001, "utf-8", body=b'{"registrationId":"kept","payload":{"a":"\xff"}}')
    put("deeply nested", 400, 400001, "deep", body=b'{"registrationId":"kept","payload":' + b'{"a":' * 100 + b"1" + b"}" * 101)
    put("an array", 400, 400001, "object", body=b"[]")
    for what, name, phrase in (("id with a space", "a b", "registrationId"), ("id ends badly", "abc_", "registrationId"),
                               ("id too long", "a" * 129, "128"), ("id of dots", "..", "registrationId")):
        put(what, 400, 400004, phrase, path=f"/{scope}/registrations/{urllib.parse.quote(name)}/register?{API}", body={"registrationId": name})
    t.expect("wrong media type", 415, 415000, "application/json", "PUT", f"/{scope}/registrations/kept/register?{API}", b"<x/>",
             {"Content-Type": "text/xml", "Authorization": good})


def answers_that_are_no_errors(t):
    """What DPS tells a device in an answer of 200: that it is disabled, and that no hub can take it. And a device that polls too often."""
    service, client = t.service, t.client
    key = keys_of(service.enroll(client, "barred", provisioningStatus="disabled"))[0]
    status, answer = service.register(client, "barred", key)
    assert status == 200 and answer["registrationState"]["status"] == "disabled", (status, answer)
    assert "assignedHub" not in answer["registrationState"], answer

    t.node.cli("hub", "link", "demo", "hub9")
    key = keys_of(service.enroll(client, "homeless", iotHubs=["hub9"], allocationPolicy="static"))[0]
    t.node.cli("hub", "unlink", "demo", "hub9")
    status, answer = service.register(client, "homeless", key)
    state = answer["registrationState"]
    assert status == 200 and answer["status"] == "failed" and state["errorCode"] == 400208 and state["errorMessage"], (status, answer)

    key = keys_of(service.enroll(client, "eager"))[0]
    operation = service.register(client, "eager", key)[1]["operationId"]
    path = f"/{service.scope}/registrations/eager/operations/{operation}?{API}"
    token = {"Authorization": sas_token(f"{service.scope}/registrations/eager", key, "registration")}
    for _ in range(200):
        response = client.request("GET", path, None, token)
        if response[0] != 200:
            break
    t.check("polls too often", 429, 429001, "polls too often", response)
    t.checked += 3


def protocol(t):
    """What never reaches a handler: sent as bytes."""
    def raw(what, status, request):
        with socket.create_connection(("127.0.0.1", t.node.port), 30) as plain, t.node.tls.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.rstrip().endswith(b"}"):
                chunk = tls.recv(65536)
                if not chunk:
                    break
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), f"{what}: {answer[:300]!r}"
        assert json.loads(body)["errorCode"] // 1000 == status, f"{what}: {body!r}"
        t.checked += 1

    raw("no HTTP", 400, b"\x16\x03\x01 nonsense\r\n\r\n")
    raw("huge header", 431, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40000 + b"\r\n\r\n")
    raw("huge body of a device", 413, b"PUT /0ne00000001/registrations/a/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n")
    raw("huge body announced", 413, b"PUT /enrollments/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
    raw("bad chunk", 400, b"PUT /enrollments/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    raw("bad escape", 400, b"GET /enrollments/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    raw("NUL in the path", 400, b"GET /enrollments/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n")


def main():
    with Node("journal.shards=2", "refusals.per_minute_address=1000") as node:
        service = Service(node, "demo", "--hub", "hub1", "--hub", "hub2")
        t = Table(node, service)
        preconditions(t)
        keys = keys_of(t.service.call(t.client, "PUT", "/enrollments/kept", {**enrollment(registrationId="kept"), "attestation": {
            "type": "symmetricKey", "symmetricKey": {"primaryKey": base64.b64encode(b"p" * 32).decode(), "secondaryKey": base64.b64encode(b"s" * 32).decode()}}},
            {"If-Match": "*"})[2])
        answers_that_are_no_errors(t)
        before = node.json("usage", "demo")["operations"]
        past = [json.loads(line)["id"] for line in node.cli("history", "demo", "--json").stdout.splitlines()][-1]
        bodies(t)
        paths(t)
        authorization(t)
        devices(t, keys)
        protocol(t)
        assert not t.wrong, "\n".join(t.wrong)
        events = [json.loads(line) for line in node.cli("history", "demo", "--json", "--after", past).stdout.splitlines()]
        assert node.json("usage", "demo")["operations"] == before, "bad input counted as an operation"
        assert {e["type"] for e in events if not e["operation"]} <= {"muster.service_created.v1", "muster.registration_refused.v1"}, events
        assert all("enrollments/x-1" not in e["subject"] for e in events)
        refused = [e["data"]["reason"] for e in events if e["type"] == "muster.registration_refused.v1"]
        for reason in ("noCredential", "malformedToken", "signatureMismatch", "tokenExpired", "wrongResource", "wrongScope", "unknownRegistration"):
            assert reason in refused, (reason, refused)
        node.cli("verify")
        print(f"{t.checked} bad requests: each refused as documented, nothing changed")


if __name__ == "__main__":
    main()
