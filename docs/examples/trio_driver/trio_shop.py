from datetime import timedelta

import trio
from trio_driver import run_on_trio

from irma_core import AttributeRequest, DisclosureRequest, Requestor
from irma_core.flows.start import start_session_flow
from irma_core.flows.watch import wait_for_answer_flow
from irma_transport_urllib3 import Urllib3Transport

EMAIL = "pbdf.sidn-pbdf.email.email"


async def main(url: str) -> None:
    with Urllib3Transport() as transport:
        context = Requestor(url, transport).context
        request = DisclosureRequest({"email": AttributeRequest(EMAIL, not_null=True)})
        session = await run_on_trio(start_session_flow(context, request), transport)
        print(session.pointer.link())
        wait = wait_for_answer_flow(context, session, timedelta(minutes=5), keep_session=False)
        answer = await run_on_trio(wait, transport)
        print(answer["email"].value)


if __name__ == "__main__":
    trio.run(main, "http://localhost:8088")
