/* Pages are whole without this. With it they show changes as they happen, times as ages, and obey a few keys. */

const wait = (work, ms) => {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
};

/* Times */

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: 'auto' });
const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

function age(ms) {
  const seconds = Math.round((ms - Date.now()) / 1000);
  const [unit, size] = units.find(([, least]) => Math.abs(seconds) >= least) ?? ['second', 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

function showTimes(root = document) {
  for (const element of root.querySelectorAll('time[datetime]')) {
    const ms = Date.parse(element.dateTime);
    if (Number.isNaN(ms)) continue;
    const local = exact.format(ms);
    const text = element.hasAttribute('data-age') ? age(ms) : local;
    if (element.textContent !== text) element.textContent = text;
    element.title = `${local} (${element.dateTime})`;
  }
}

showTimes();
setInterval(showTimes, 30_000);

/* What happens to held pushes, shown where the page says so */

const regionsOf = (root) => [...root.querySelectorAll('[data-live-region]')];
const fieldsOf = (root) => [...root.querySelectorAll('input:not([type=hidden]), textarea, select')];
const keyOf = (field) =>
  field.id ||
  `${field.form?.getAttribute('action')} ${field.name} ${field.type === 'radio' ? field.value : ''}`;

function isTouched(field) {
  if (field.type === 'checkbox' || field.type === 'radio') return field.checked !== field.defaultChecked;
  if (field instanceof HTMLSelectElement)
    return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
}

/** Puts what a person has typed, opened and focused in `old` into `fresh`. */
function carryOver(old, fresh) {
  const news = new Map(fieldsOf(fresh).map((field) => [keyOf(field), field]));
  for (const field of fieldsOf(old).filter(isTouched)) {
    const other = news.get(keyOf(field));
    if (other === undefined) continue;
    if (field.type === 'checkbox' || field.type === 'radio') other.checked = field.checked;
    else other.value = field.value;
  }
  const open = [...old.querySelectorAll('details')].map((details) => details.open);
  const details = [...fresh.querySelectorAll('details')];
  if (details.length === open.length) for (const [at, one] of details.entries()) one.open = open[at];
}

/** A way back to the element that has the focus, once its region was replaced. */
function focusPath(region) {
  const focused = document.activeElement;
  if (!region.contains(focused)) return undefined;
  const { tagName, id, selectionStart, selectionEnd } = focused;
  const href = focused.getAttribute('href');
  const same = (root) =>
    [...root.querySelectorAll(tagName)].filter((one) => one.getAttribute('href') === href);
  const at = same(region).indexOf(focused);
  return (fresh) => {
    const other = (id && fresh.querySelector(`#${CSS.escape(id)}`)) || same(fresh)[at];
    other?.focus({ preventScroll: true });
    if (typeof selectionStart === 'number') other?.setSelectionRange?.(selectionStart, selectionEnd);
  };
}

async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: 'text/html' } });
  // Signed out meanwhile: the next click says so.
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const fresh = regionsOf(page);
  const { scrollX, scrollY } = window;
  regionsOf(document).forEach((old, at) => {
    const other = old.id ? fresh.find((one) => one.id === old.id) : fresh[at];
    if (other === undefined) return;
    const next = document.adoptNode(other);
    showTimes(old);
    showTimes(next);
    if (next.isEqualNode(old)) return;
    carryOver(old, next);
    const focusAgain = focusPath(old);
    old.replaceWith(next);
    focusAgain?.(next);
  });
  const menu = document.querySelector('.bar nav');
  const newMenu = page.querySelector('.bar nav');
  if (menu && newMenu && !menu.contains(document.activeElement))
    menu.replaceWith(document.adoptNode(newMenu));
  window.scrollTo(scrollX, scrollY);
  return page;
}

/* While something is being made. The answer to what was clicked goes when it is over. */

function lookAgain(seconds) {
  if (!(seconds > 0)) return document.querySelector('[data-flash]')?.remove();
  setTimeout(async () => {
    const page = document.hidden ? undefined : await refresh().catch(() => undefined);
    lookAgain(page === undefined ? seconds : page.body.dataset.again);
  }, seconds * 1000);
}

if (document.body.dataset.again !== undefined) lookAgain(document.body.dataset.again);

if (document.body.dataset.live === 'held') {
  const soon = wait(() => refresh().catch(() => {}), 300);
  const events = new EventSource('/-/events');
  events.addEventListener('held', soon);
  // A page that was away may have missed something.
  document.addEventListener('visibilitychange', () => document.hidden || soon());
  addEventListener('pagehide', () => events.close());
}

/* Keys */

const keys = [
  ['/', 'to the search field'],
  ['j', 'to the next row'],
  ['k', 'to the row before'],
  ['?', 'these keys'],
];

function step(by) {
  const links = [...document.querySelectorAll('main tbody tr')]
    .map((row) => row.querySelector('a[href]'))
    .filter((link) => link !== null);
  const at = links.findIndex((link) => link.closest('tr').contains(document.activeElement));
  const next = at < 0 && by < 0 ? links.length - 1 : at + by;
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
}

function showKeys() {
  const dialog = document.createElement('dialog');
  const title = Object.assign(document.createElement('h2'), { textContent: 'Keys', id: 'keys-title' });
  dialog.setAttribute('aria-labelledby', title.id);
  const list = document.createElement('dl');
  list.className = 'facts';
  for (const [key, text] of keys) {
    const term = document.createElement('dt');
    term.append(Object.assign(document.createElement('kbd'), { textContent: key }));
    list.append(term, Object.assign(document.createElement('dd'), { textContent: text }));
  }
  const form = Object.assign(document.createElement('form'), { method: 'dialog' });
  form.append(Object.assign(document.createElement('button'), { textContent: 'Close' }));
  dialog.append(title, list, form);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener('keydown', (event) => {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest('input, textarea, select, dialog, [contenteditable]')) return;
  if (key === '/') {
    const field = document.querySelector(
      'main input[type=search], main [data-search], main form[method=get] input:not([type=hidden])',
    );
    field?.focus();
    field?.select?.();
    if (field) event.preventDefault();
  } else if (key === 'j') step(1);
  else if (key === 'k') step(-1);
  else if (key === '?') showKeys();
});
