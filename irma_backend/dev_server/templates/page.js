// Renews the parts of the page that have changed, without losing the focus.
const live = document.querySelector("[data-version]");

async function renew() {
  const response = await fetch(location.href);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-version]");
  if (fresh === null) {
    location.reload();
    return;
  }
  const focused = document.activeElement?.id;
  for (const part of live.querySelectorAll("[data-part]")) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (other !== null && part.innerHTML !== other.innerHTML) part.innerHTML = other.innerHTML;
  }
  live.dataset.version = fresh.dataset.version;
  document.title = page.title;
  if (focused) document.getElementById(focused)?.focus();
}

if (live !== null) {
  new EventSource(live.dataset.events).addEventListener("message", (event) => {
    if (event.data !== live.dataset.version) renew();
  });
}
