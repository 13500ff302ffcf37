"""Ask somebody to prove that they are over 18, and perhaps to share an e-mail address."""

import os
from datetime import timedelta

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    Requestor,
    TokenAuthentication,
    any_of,
    optional,
)
from irma_transport_urllib3 import Urllib3Transport

adult = DisclosureRequest(
    {
        "age": any_of(  # over18 may well say "No": demand the value
            AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes"),
            AttributeRequest("pbdf.pilot-amsterdam.idcard.over18", value="1"),
        ),
        "email": optional(AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)),
    }
)

with Urllib3Transport() as transport:
    requestor = Requestor(
        os.environ["IRMA_SERVER"],
        transport,
        authentication=TokenAuthentication(os.environ["IRMA_TOKEN"]),
    )
    session = requestor.start_session(adult)
    print("Open this on your phone:", session.pointer.link(), flush=True)
    with requestor.watch_status(session, timeout=timedelta(minutes=5)) as statuses:
        for status in statuses:
            print(status.value, flush=True)
    answer = requestor.get_answer(session)  # an Answer, or an error that says why not
    print("Over 18, by", answer["age"].attribute)
    print("E-mail:", answer["email"].value if "email" in answer else "not shared")
