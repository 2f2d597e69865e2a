"""Lists of 100,000."""

import re

LONG_MS_MAX = 1_000  # on a busy machine; 100 ms is the aim on an idle one


def test_a_table_of_100000_rows_is_drawn_as_far_as_it_is_seen(person, gateway):
    one = gateway.api("GET", "tenants/aurora")

    def answer(route):
        first = int(re.search(r"after=(\d+)|$", route.request.url).group(1) or 0)
        rows = [{**one, "id": str(i), "slug": f"tenant-{i}", "display_name": f"Number {i % 977}"}
                for i in range(first, first + 1_000)]
        more = first + 1_000 < 100_000
        route.fulfill(json={"data": rows, "has_more": more, "next": str(first + 1_000) if more else None})

    page = person.page
    page.route("**/api/v1/tenants?limit=1000*", answer)
    page.add_init_script("""window.long = [];
      new PerformanceObserver(list => list.getEntries().forEach(one => long.push(one.duration)))
        .observe({type: 'longtask'})""")
    person.sign_in("tenants")
    page.get_by_text("100,000 of 100,000").wait_for(timeout=60_000)
    page.evaluate("() => { long.length = 0 }")
    page.get_by_role("button", name="Shown as").click()
    page.get_by_role("link", name="tenant-977", exact=True).wait_for(timeout=30_000)  # "Number 0" comes first
    page.get_by_label("Filter").fill("tenant-99999")
    page.get_by_text("1 of 100,000").wait_for(timeout=30_000)
    page.get_by_label("Filter").fill("")
    page.get_by_text("100,000 of 100,000").wait_for(timeout=30_000)
    page.locator(".table-frame").evaluate("frame => frame.scrollTop = frame.scrollHeight")
    page.wait_for_function("() => [...document.querySelectorAll('tbody tr[aria-rowindex]')].at(-1).ariaRowIndex === '100001'")
    assert page.locator("tbody tr").count() < 100
    long = page.evaluate("() => long")
    print("long tasks:", [round(one) for one in long])
    assert max(long, default=0) < LONG_MS_MAX
