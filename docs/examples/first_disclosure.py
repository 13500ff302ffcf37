"""Ask a visitor to prove that they are over 18, and optionally to share an e-mail address."""

import os
from datetime import timedelta

from irma_core import (
    AttributeRequest,
    DisclosureRequest,
    NoAuthentication,
    Requestor,
    TokenAuthentication,
    any_of,
    optional,
)
from irma_transport_urllib3 import Urllib3Transport

adult = DisclosureRequest(
    {
        "age": any_of(  # over18 may be "No": require the value
            AttributeRequest("pbdf.gemeente.personalData.over18", value="Yes"),
            AttributeRequest("pbdf.pilot-amsterdam.idcard.over18", value="1"),
        ),
        "email": optional(AttributeRequest("pbdf.sidn-pbdf.email.email", not_null=True)),
    }
)

token = os.environ.get("IRMA_TOKEN")  # unset for the development server

with Urllib3Transport() as transport:
    requestor = Requestor(
        os.environ["IRMA_SERVER"],
        transport,
        authentication=TokenAuthentication(token) if token else NoAuthentication(),
    )
    session = requestor.start_session(adult)
    try:
        print("Open this on your phone:", session.pointer.link(), flush=True)
        with requestor.watch_status(session, timeout=timedelta(minutes=5)) as statuses:
            for status in statuses:
                print(status.value, flush=True)
    except BaseException:  # on a timeout or Ctrl-C, end the session too
        requestor.cancel_session(session)
        raise
    answer = requestor.get_answer(session)  # raises an error if there is no valid answer
    print("Over 18, by", answer["age"].attribute)
    print("E-mail:", answer["email"].value if "email" in answer else "not shared")
