// What a person pressed stays where it is in the window while the page changes around it: a panel that opens or closes
// beside the page narrows it, and what stands above becomes higher. For two seconds after the page's width changed, and
// as long as the server draws, what was pressed is held, until the person scrolls or presses again. And what a press in a
// figure leads to comes into view, at least its first row, where it stands below the window.
if (!window.__hvaeStay) {
  window.__hvaeStay = true;
  const HELD = ".stElementContainer, [class*='st-key-']", FIXED = "[class*='st-key-inspector']", SECONDS = 2, ROW = 180;
  // (key of a figure, key of the images that a press in it chooses)
  const ANSWERS = [["st-key-densities", "-in-brush"], ["st-key-slices-", "-slice-images"]];
  let held = null, before = null, awaited = null, pressed = null, watched = null, width = 0, until = 0;
  const main = () => document.querySelector(".stMain");
  // The element again where it was drawn anew under its key, and the place in it that is held.
  const found = ({element, key}) => (element.isConnected ? element : key && document.querySelector(`.${key}`));
  const placed = one => {
    const box = found(one)?.getBoundingClientRect();
    return box?.height ? box.top + one.part * box.height : null;
  };
  const grasped = (target, y) => {
    const element = target instanceof Element && !target.closest(FIXED) && target.closest(".stMain") &&
      target.closest(HELD);
    if (!element) return null;
    const box = element.getBoundingClientRect();
    const key = [...element.classList].find(name => name.startsWith("st-key-"));
    return {element, key, part: (y - box.top) / box.height, top: y, path: location.pathname};
  };
  // Where something beside the page was pressed: what was pressed last, if it is in view, or what is.
  const inView = () => {
    const top = before && before.path === location.pathname ? placed(before) : null;
    if (top !== null && top > 60 && top < innerHeight) return {...before, top};
    const left = document.querySelector(".stMainBlockContainer")?.getBoundingClientRect().left + 60;
    for (const share of [0.4, 0.5, 0.3, 0.6, 0.2]) {
      const one = left && grasped(document.elementFromPoint(left, innerHeight * share), innerHeight * share);
      if (one?.key || one?.element.matches(".stElementContainer")) return one;
    }
    return null;
  };
  const press = (target, y) => {
    const own = grasped(target, y);
    held = own || inView();
    if (own) before = own;
    until = awaited = 0;
    watch();
  };
  const answer = () => {
    const box = awaited && document.querySelector(`[class*="st-key-tiles-"][class*="${awaited.key}"]`)
      ?.getBoundingClientRect();
    if (!box?.height || performance.now() > awaited.until) return;
    main().scrollTop += Math.max(0, Math.min(box.top + ROW - innerHeight, box.top - 60));
    awaited = null;
  };
  const resized = ([{contentRect}]) => {
    if (Math.abs(contentRect.width - width) > 1 && width) until = performance.now() + 1000 * SECONDS;
    width = contentRect.width;
    hold();
    answer();
  };
  const hold = () => {
    if (!held || !until || held.path !== location.pathname) return;
    if (document.querySelector(".stApp")?.dataset.testScriptState === "running") until = Math.max(until, performance.now() + 500);
    if (performance.now() > until) return void (held = null);
    const now = placed(held);
    if (now !== null && Math.abs(now - held.top) > 1) main().scrollTop += now - held.top;
  };
  const observer = new ResizeObserver(resized);
  const watch = () => {
    const block = document.querySelector(".stMainBlockContainer > .stVerticalBlock");
    if (!block || block === watched) return;
    observer.disconnect();
    watched = block;
    width = 0;
    observer.observe(block);
  };
  const letGo = () => { held = awaited = null; };
  addEventListener("pointerdown", event => {
    pressed = event;
    press(event.target, event.clientY);
  }, true);
  addEventListener("pointerup", event => {
    const figure = event.target instanceof Element && event.target.closest(".js-plotly-plot");
    const dragged = pressed && Math.abs(event.clientX - pressed.clientX) > 4;
    const start = pressed?.target instanceof Element && pressed.target.closest(".js-plotly-plot") || figure;
    const pair = start && ANSWERS.find(([key]) => start.closest(`[class*="${key}"]`));
    const selects = start?.layout?.dragmode === "select";
    if (pair && (selects ? dragged : figure === start && start._hoverdata?.length && pair[1] !== "-in-brush")) {
      awaited = {key: pair[1], until: performance.now() + 10000};
      answer();
    }
  }, true);
  addEventListener("keydown", event => {
    const one = document.activeElement;
    ["Enter", " "].includes(event.key) && one ? press(one, one.getBoundingClientRect().top) : letGo();
  }, true);
  addEventListener("popstate", () => { held = inView(); until = 0; watch(); }, true);
  for (const kind of ["wheel", "touchmove"]) addEventListener(kind, letGo, {capture: true, passive: true});
}
