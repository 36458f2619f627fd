/* Keys, and the mouse on the picture. The page is Streamlit's; this listens and hands over what was meant. */

const LIMITS = { window: [5, 200], level: [0, 100], zoom: [1, 6] };
const WHOLE = { window: 100, level: 50, zoom: 1, across: 50, down: 50 };
const PICTURE = ".st-key-stage img";

let look = WHOLE; // as the server drew it
let wanted = WHOLE; // as the hand would have it
let inverted = false;
let drag = null;
let waiting = null;
let tell = () => {};

const clamp = (value, [low, high]) => Math.min(Math.max(value, low), high);
const all = (selector) => [...document.querySelectorAll(selector)];
const shown = (selector) => all(selector).find((element) => element.offsetParent !== null);

/* Keys */

function focus(selector) {
  const element = shown(selector);
  element?.focus();
  element?.select?.();
  return Boolean(element);
}

function click(selector) {
  const element = shown(`${selector} label`)?.querySelector("input");
  element?.click();
  return Boolean(element);
}

/* Moves the focus between hits, from nowhere to the first; elsewhere the arrows keep their meaning. */
function step(by) {
  const cards = all('[class*="st-key-card_"] [class*="st-key-open_"] button');
  const held = cards.indexOf(document.activeElement);
  if (!cards.length || (held < 0 && document.activeElement !== document.body)) return false;
  cards[held < 0 ? 0 : clamp(held + by, [0, cards.length - 1])].focus();
  return true;
}

const KEYS = {
  "/": () => focus(".st-key-q input"),
  c: () => click(".st-key-compare"),
  i: () => click(".st-key-invert"),
  w: () => focus(".st-key-window input"),
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
};

function isTyping(element) {
  return element.closest?.("textarea, select, [contenteditable=true], input:not([type=checkbox]):not([type=radio]):not([type=range])");
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (KEYS[event.key]?.()) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

/* The mouse: drag for window and level, Shift and drag to move, the wheel to zoom, a double click for the whole */

/* Where the picture lies inside its element, which may be wider or higher. */
function frame(image) {
  const box = image.getBoundingClientRect();
  const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
  const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
  return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
}

function inside(seen) {
  const margin = 50 / seen.zoom;
  const range = [margin, 100 - margin];
  return { ...seen, across: Math.round(clamp(seen.across, range)), down: Math.round(clamp(seen.down, range)) };
}

/* The same line as the server's: grey = (value − low) / window, seen through what is on the screen already. */
function preview() {
  const slope = look.window / wanted.window;
  const low = (seen) => seen.level - seen.window / 2;
  const shift = (low(look) - low(wanted)) / wanted.window;
  for (const channel of all("#mn-window feComponentTransfer > *")) {
    channel.setAttribute("slope", slope);
    channel.setAttribute("intercept", inverted ? 1 - slope - shift : shift);
  }
  const grow = wanted.zoom / look.zoom;
  for (const image of all(PICTURE)) {
    const { width, height } = frame(image);
    const x = ((look.across - wanted.across) / 100) * width * wanted.zoom;
    const y = ((look.down - wanted.down) / 100) * height * wanted.zoom;
    image.style.filter = slope === 1 && shift === 0 ? "" : "url(#mn-window)";
    image.style.transform = grow === 1 && !x && !y ? "" : `translate(${x}px, ${y}px) scale(${grow})`;
  }
}

function settle() {
  all(PICTURE).forEach((image) => Object.assign(image.style, { filter: "", transform: "" }));
}

function send() {
  clearTimeout(waiting);
  if (JSON.stringify(wanted) !== JSON.stringify(look)) tell(wanted);
}

function onDown(event) {
  const image = event.target.closest?.(PICTURE);
  if (!image || event.button > 1) return;
  event.preventDefault();
  const moves = event.shiftKey || event.button === 1;
  drag = { x: event.clientX, y: event.clientY, from: wanted, moves, ...frame(image) };
}

function onMove(event) {
  if (!drag) return;
  const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
  const { from } = drag;
  wanted = drag.moves
    ? inside({
        ...from,
        across: from.across - (100 * x) / drag.width / from.zoom,
        down: from.down - (100 * y) / drag.height / from.zoom,
      })
    : {
        ...from,
        window: clamp(Math.round(from.window + x / 3), LIMITS.window),
        level: clamp(Math.round(from.level + y / 5), LIMITS.level),
      };
  preview();
}

function onUp() {
  if (drag) send();
  drag = null;
}

function onWheel(event) {
  const image = event.target.closest?.(PICTURE);
  if (!image) return;
  event.preventDefault();
  const zoom = clamp(wanted.zoom - 0.5 * Math.sign(event.deltaY), LIMITS.zoom);
  const { left, top, width, height } = frame(image);
  const [x, y] = [(event.clientX - left) / width - 0.5, (event.clientY - top) / height - 0.5];
  const kept = 100 / look.zoom; // what is under the pointer stays under it
  const [across, down] = [look.across + x * kept - (100 * x) / zoom, look.down + y * kept - (100 * y) / zoom];
  wanted = inside({ ...wanted, zoom, across, down });
  preview();
  clearTimeout(waiting);
  waiting = setTimeout(send, 250);
}

function onDouble(event) {
  if (!event.target.closest?.(PICTURE)) return;
  wanted = WHOLE;
  send();
}

function onLoad(event) {
  if (event.target.matches?.(PICTURE)) settle();
}

export default function hands({ data, setTriggerValue }) {
  const { inverted: flipped = false, ...drawn } = data ?? {};
  inverted = flipped;
  if (!drag) wanted = look = { ...WHOLE, ...drawn };
  tell = (seen) => setTriggerValue("look", seen);
  const listening = new AbortController();
  const { signal } = listening;
  window.addEventListener("keydown", onKey, { capture: true, signal });
  document.addEventListener("pointerdown", onDown, { signal });
  document.addEventListener("pointermove", onMove, { signal });
  document.addEventListener("pointerup", onUp, { signal });
  document.addEventListener("wheel", onWheel, { passive: false, signal });
  document.addEventListener("dblclick", onDouble, { signal });
  document.addEventListener("load", onLoad, { capture: true, signal });
  return () => listening.abort();
}
