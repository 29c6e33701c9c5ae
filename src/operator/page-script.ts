// The status page in a browser: fetches itself again when the daemon says that something changed, and swaps the parts
// that carry data. Without JavaScript the page is complete, only not live.

export const PAGE_SCRIPT = `
'use strict';
const offline = document.getElementById('offline');
let busy = false;
let again = false;
const partsOf = (root) => root.querySelectorAll('[data-live]');
const swap = (fresh) => {
  const focused = document.activeElement?.id;
  const open = [...document.querySelectorAll('details[open]')].map((one) => one.id);
  for (const part of partsOf(document)) {
    const next = fresh.getElementById(part.id);
    if (next === null || next.innerHTML === part.innerHTML) continue;
    part.innerHTML = next.innerHTML;
    part.className = next.className;
  }
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
};
const refresh = async () => {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.pathname, { cache: 'no-store' });
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    // The head's style carries another nonce than this page's.
    swap(new DOMParser().parseFromString(text.slice(text.indexOf('<body>')), 'text/html'));
    offline.hidden = true;
  } catch {
    offline.hidden = false;
  }
  setTimeout(() => { busy = false; if (again) { again = false; refresh(); } }, 500);
};
const stream = new EventSource('api/events');
stream.addEventListener('changed', refresh);
stream.addEventListener('open', refresh);
stream.addEventListener('error', () => { offline.hidden = false; });
setInterval(() => { if (!document.hidden) refresh(); }, 15000);
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
document.addEventListener('submit', (event) => {
  const question = event.target.dataset.ask;
  if (question && !confirm(question)) event.preventDefault();
});
`;
