import asyncio
from datetime import date, datetime, timedelta, timezone

import pytest

from fake import Answer
from sovmesh import AsyncMesh, Mesh

RID = "req_" + "a" * 32
OWN = {"object": "request", "id": RID, "model": "m-2", "class": "batch", "queue_ms": 12.5,
       "rule": "borrowed", "refused": None}
COUNTS = {"input_tokens": 1, "cached_input_tokens": 0, "output_tokens": 2, "reasoning_tokens": 0,
          "delivered_tokens": 2, "gse_seconds": "0.5", "cost": "0.000012", "cost_micro": 12,
          "currency": "EUR"}
SUM = {"object": "usage", "group": "m", "requests": 3, "open_requests": 0, "energy_mj": 5,
       "energy_method": "estimated", "co2_ug": 9, "unpriced_requests": 0, "recovered_requests": 0, **COUNTS}
ROW = {"object": "usage.request", "id": RID, "opened_at": "2026-11-25T08:00:00.000000Z",
       "booked_at": "2026-11-25T08:00:01.000000Z", "key": "k", "user": "", "cost_centre": "",
       "model": "m", "operation": "chat", "finish": "stop", "price": "p-1", "lower_bound": False, **COUNTS}


def page(one, following):
    return Answer(body={"object": "list", "group_by": "model", "from": None, "until": None,
                        "time_zone": "UTC", "data": [one], "has_more": following is not None,
                        "next": following})


@pytest.fixture
def client(serve):
    def made(*answers):
        server = serve(*answers)
        return server, Mesh(base_url=server.url, api_key="k")
    return made


def test_one_request(client):
    server, mesh = client(Answer(body=OWN))
    with mesh:
        seen = mesh.mesh.request(RID)
    assert (seen.priority, seen.queue_ms, seen.rule, seen.refused) == ("batch", 12.5, "borrowed", None)
    assert server.asked[0].path == f"/v1/requests/{RID}"


@pytest.mark.parametrize("wrong", ["", "req_", "abc", "req_../usage", "req_" + "g" * 32])
def test_what_is_no_id_is_not_sent(client, wrong):
    server, mesh = client(Answer(body=OWN))
    with mesh, pytest.raises(ValueError):
        mesh.mesh.request(wrong)
    assert server.asked == []


def test_sums_page_after_page(client):
    server, mesh = client(page(SUM, "m"), page({**SUM, "group": "a"}, None))
    zone = timezone(timedelta(hours=2))
    with mesh:
        seen = list(mesh.mesh.usages(group_by="model", since=date(2026, 11, 1),
                                     until=datetime(2026, 11, 25, 10, tzinfo=zone)))
    assert [each.group for each in seen] == ["m", "a"] and seen[0].cost_micro == 12
    assert server.asked[0].path == ("/v1/usage?group_by=model&from=2026-11-01"
                                    "&until=2026-11-25T08%3A00%3A00.000000Z")
    assert server.asked[1].path == server.asked[0].path + "&before=m"


def test_requests_that_have_ended(client):
    server, mesh = client(page(ROW, RID), page(ROW, None))
    with mesh:
        seen = list(mesh.mesh.request_usages())
    assert len(seen) == 2 and seen[0].booked_at - seen[0].opened_at == timedelta(seconds=1)
    assert seen[0].lower_bound is False
    assert [each.path for each in server.asked] == ["/v1/usage/export", f"/v1/usage/export?before={RID}"]


def test_a_time_without_a_zone_is_refused(client):
    server, mesh = client(page(SUM, None))
    with mesh, pytest.raises(ValueError, match="time zone"):
        mesh.mesh.usage(since=datetime(2026, 11, 1))


def test_the_same_for_asyncio(serve):
    server = serve(Answer(body=OWN), page(SUM, "m"), page(SUM, None), page(ROW, None))

    async def all_of_it():
        async with AsyncMesh(base_url=server.url, api_key="k") as client:
            assert (await client.mesh.request(RID)).rule == "borrowed"
            assert len([each async for each in client.mesh.usages(group_by="model")]) == 2
            assert [each.id async for each in client.mesh.request_usages()] == [RID]
    asyncio.run(all_of_it())
