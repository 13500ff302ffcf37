// @ts-check
/**
 * Connect each `<div class="irma" data-irma="NAME">` to the official package (`window.yivi`) and
 * to this site's endpoints, by the settings in `<script type="application/json" id="irma-NAME">`.
 * Its first `<button>`, or one that this script adds, starts a session; `data-irma-start="auto"`
 * starts it at once. The state is in `data-irma-state`. The events are `irma:done` with `{next}`,
 * which a listener prevents to stay on the page, and `irma:error` with `{code, message, again}`.
 * @typedef {{name: string, prefix: string, language: string, next: string | null,
 *   headers: Record<string, string>, texts: Record<string, string>}} Settings
 * @typedef {{code: string, message: string, again: "finish" | "start" | null}} Problem
 * @typedef {{which?: object, isFinishing?: boolean, isInApp?: boolean, abort?: () => void}} Attempt
 */
const STATES = /** @type {Record<string, string>} */ ({ // by the comments of the browser package
  ShowingQRCode: "qr", ShowingButton: "button", EnterPairingCode: "pairing", WaitingForUser: "app",
});
const IS_PHONE = /Android|iP(ad|hone|od)/i.test(navigator.userAgent) || // as the package decides
  (navigator.userAgent.includes("Macintosh") && navigator.maxTouchPoints > 2);
const START = '<button class="irma-start" type="button"></button>';
const PARTS = `<div class="irma-frame" role="group" tabindex="-1"><div></div></div>
  <p class="irma-message" role="status" tabindex="-1"></p>
  <button class="irma-again" type="button"></button>
  <button class="irma-cancel" type="button"></button>`;

/** Connect an element; a page that adds one later calls this. @param {HTMLElement} element */
export function connect(element) {
  if (element.dataset.irmaState) return;
  const json = document.getElementById(`irma-${element.dataset.irma}`)?.textContent ?? "";
  /** @type {Settings} */
  const { name, prefix, language, next, headers, texts } = JSON.parse(json);
  const isAuto = element.dataset.irmaStart === "auto";
  const own = element.querySelector("button");
  element.insertAdjacentHTML("beforeend", (own ? "" : START) + PARTS);
  const start = /** @type {HTMLElement} */ (element.querySelector("button"));
  const parts = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(":scope > *"));
  const [frame, message, again, stop] = [...parts].slice(-4);
  const box = /** @type {HTMLElement} */ (frame.firstChild);
  let attempt = /** @type {Attempt} */ ({});
  let isUsed = !isAuto; // Until then, the focus stays where the page has put it.

  /** @param {string} state  @param {string} text  @param {Problem["again"]} repeat */
  function show(state, text = "", repeat = null) {
    const isReady = state === "ready";
    const isOver = ["finishing", "done", "error"].includes(state);
    element.dataset.irmaState = state;
    start.hidden = isAuto || !isReady;
    frame.hidden = stop.hidden = isReady || isOver;
    again.hidden = !repeat;
    if (message.textContent !== text) message.textContent = text; // It is read out at each change.
    const focused = document.activeElement; // What had the focus may be hidden by now, or gone.
    const isFree = focused === document.body || focused === message || focused?.closest("[hidden]");
    if (isUsed && isFree && !isReady) (repeat ? again : isOver ? message : frame).focus();
  }

  /** @param {string} code  @param {Problem["again"]} again  @returns {Problem} */
  const problem = (code, again = "start") => ({ code, message: texts[code], again });

  /** Call an endpoint. @param {string} step  @param {any} body  @returns {Promise<any>} */
  async function post(step, body, keepalive = false) {
    let [wait, error] = [0, problem("network", "finish")];
    try {
      const reply = await fetch(`${prefix}${step}/${name}`, {
        method: "POST", keepalive, body: JSON.stringify(body), signal: AbortSignal.timeout(30_000),
        headers: { "Content-Type": "application/json", "Accept-Language": language, ...headers },
        credentials: "include", // The endpoints may have an origin of their own.
      });
      wait = 1000 * Number(reply.headers.get("Retry-After")) || 0;
      if (reply.status < 500) error = problem("page", null); // The framework refused the page.
      const json = await reply.json();
      if (reply.ok || json.error) return { ...json, wait };
    } catch {} // There is no network, or no JSON.
    return { error, wait };
  }

  /** Call an endpoint until it has an answer for a session, but not longer than a minute.
   * @param {string} step  @param {Attempt} mine  @param {object} more */
  async function repeat(step, mine, more = {}) {
    const end = Date.now() + 60_000; // The site keeps the outcome of a finish for as long.
    for (let delay = 1000; ; delay = Math.min(2 * delay, 8000)) {
      const got = await post(step, { ...mine.which, ...more });
      const wait = Math.max(delay, got.wait);
      if (got.error?.again !== "finish" || mine !== attempt || Date.now() + wait > end) return got;
      show("finishing", got.error.message);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** Start a session and follow it to its end. */
  async function begin() {
    const mine = (attempt = /** @type {Attempt} */ ({}));
    show("starting", texts.wait);
    const body = { page: location.pathname + location.search, same_device: IS_PHONE };
    const sent = () => post("start", body); // One by one: two tabs would each get a first cookie.
    const session = await (navigator.locks?.request("irma-start", sent) ?? sent());
    if (session.error) return fail(mine, session.error);
    mine.which = { handle: session.handle };
    if (mine !== attempt) return leave(mine);
    const reason = await draw(session, mine).catch((reason) => reason);
    if (mine !== attempt || mine.isFinishing) return;
    if (reason instanceof Error) reportError(reason); // The browser package may be missing.
    // The package gives up when two calls fail. The person may be in the app by then.
    if (!reason || !/INIT|PAIR/.test((await repeat("status", mine)).status)) return finish(mine);
    fail(leave(mine), problem("failed"));
  }

  /** Let the package show a session to its end. @param {any} session  @param {Attempt} mine */
  async function draw({ sessionPtr, frontendRequest }, mine) {
    const mapping = { sessionPtr: () => sessionPtr, frontendRequest: () => frontendRequest };
    const shown = /** @type {any} */ (window).yivi.newWeb({
      element: `#${box.id}`, language,
      session: { start: false, result: false, mapping }, // Each end then settles the promise.
      // Six event streams use up the connections to a host. The site cancels, and frees a slot.
      state: { serverSentEvents: false, cancel: false },
    });
    mine.abort = () => shown.abort();
    await shown.start();
  }

  /** Let the site get the answer, and go on. @param {Attempt} mine */
  async function finish(mine) {
    if (mine !== attempt || mine.isFinishing) return;
    mine.isFinishing = true;
    mine.abort?.();
    show("finishing", texts.wait);
    const { error, wait, ...detail } = await repeat("finish", mine, next ? { next } : {});
    if (error) return fail(mine, error);
    show("done", texts.done);
    const event = new CustomEvent("irma:done", { bubbles: true, cancelable: true, detail });
    if (element.dispatchEvent(event) && detail.next) location.assign(detail.next);
  }

  /** @param {Attempt} mine  @param {Problem} detail */
  function fail(mine, detail) {
    if (mine !== attempt) return;
    mine.isFinishing = false;
    show("error", detail.message, detail.again);
    again.onclick = () => (detail.again === "finish" && mine.which ? finish(mine) : begin());
    element.dispatchEvent(new CustomEvent("irma:error", { bubbles: true, detail }));
  }

  /** Cancel a session; if that fails, the server's timeout ends it. @param {Attempt} mine */
  function leave(mine) {
    if (mine === attempt) attempt = {};
    mine.abort?.();
    if (mine.which) post("cancel", mine.which, true);
    return attempt;
  }

  /** Start by itself, or go on after the page was out of sight. @param {Event} [event] */
  async function look(event) {
    const [mine, state] = [attempt, element.dataset.irmaState];
    const slot = new RegExp(`^#irma-${name}-(\\d+)$`).exec(location.hash)?.[1];
    if (event instanceof PageTransitionEvent && event.persisted && state === "done") {
      location.reload(); // The person went back to a page that has served its purpose.
    } else if (slot) {
      history.replaceState(history.state, "", location.pathname + location.search);
      finish((attempt = { which: { slot: Number(slot) } }));
    } else if (isAuto && state === "ready" && !document.hidden) begin();
    else if (mine.isInApp && !mine.isFinishing && !document.hidden) {
      if (/DO|CA|OUT/.test((await post("status", mine.which)).status)) finish(mine);
    }
  }

  /** Make what the browser package draws usable by keyboard and screen reader. */
  function mend() {
    const state = STATES[/State: (\w+)/.exec(box.innerHTML)?.[1] ?? ""];
    if (!state || frame.hidden) return;
    show(state, box.querySelector(".yivi-web-error")?.textContent ?? texts[state]);
    const set = (/** @type {string} */ selector, /** @type {object} */ facts) =>
      box.querySelectorAll(selector).forEach((each) => void Object.assign(each, facts));
    set("canvas, svg", { role: "img", ariaLabel: texts.code });
    set("a:not([href])", { href: "#" }); // Links without one cannot be reached by keyboard.
    for (const n of [1, 2, 3, 4]) set(`input:nth-child(${n})`, { ariaLabel: texts.digit + n });
  }

  frame.ariaLabel = start.textContent ||= texts.start;
  again.classList.add(...(own?.classList ?? []));
  [again.textContent, stop.textContent] = [texts.again, texts.cancel];
  box.id = `irma-${Math.random().toString(36).slice(2)}`;
  new MutationObserver(mend).observe(box, { childList: true, subtree: true });
  element.addEventListener("focusin", () => (isUsed = true));
  start.addEventListener("click", begin);
  stop.addEventListener("click", () => fail(leave(attempt), problem("cancelled")));
  box.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest(".yivi-web-button-link")) attempt.isInApp = true;
    if (target.matches("[href='#']")) event.preventDefault();
    if (target.matches("[data-yivi-glue-transition=cancel]")) stop.click();
  });
  for (const kind of ["hashchange", "pageshow", "visibilitychange"]) addEventListener(kind, look);
  addEventListener("pagehide", () => {
    if (attempt.isFinishing || attempt.isInApp) return;
    leave(attempt);
    show("ready");
  });
  show("ready");
  look();
}

document.querySelectorAll("[data-irma]").forEach((each) => connect(/** @type {any} */ (each)));
