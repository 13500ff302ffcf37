// Runs one session with the official package, as its README shows, and prints each event as a line
// of JSON.
const IrmaBackend = require("@privacybydesign/irma-backend");

const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const backend = new IrmaBackend(asked.url, asked.options);
const say = (event, value) => console.log(JSON.stringify({ event, value }));
const END = [
  IrmaBackend.SessionStatus.Done,
  IrmaBackend.SessionStatus.Cancelled,
  IrmaBackend.SessionStatus.Timeout,
];

async function play() {
  const session = await backend.startSession(asked.request);
  say("package", session);
  say("status", await backend.getSessionStatus(session.token));
  const end = new Promise((resolve, reject) => {
    backend.subscribeStatusEvents(session.token, (error, status) => {
      if (error !== null && error !== undefined) reject(error);
      say("status", status);
      if (END.includes(status)) resolve();
    });
  });
  if (asked.cancel) await backend.cancelSession(session.token);
  await end;
  say("result", await backend.getSessionResult(session.token));
  say("jwt", await backend.getSessionResultJwt(session.token));
  say("key", await backend.getServerPublicKey());
}

play().catch((error) => {
  say("error", String(error));
  process.exit(1);
});
