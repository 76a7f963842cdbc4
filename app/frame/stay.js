// What a person pressed stays where it is in the window while a panel beside the page opens or closes and narrows it: it
// is held while the server draws and two seconds more, or until the person scrolls or presses. And the
// first row of the images that a press in a figure chooses comes into view.
if (!window.__hvaeStay) {
  window.__hvaeStay = true;
  const HELD_MS = 2000, ANSWER_MS = 10000, ROW = 180, HEAD = 60;
  const ANSWERS = [["st-key-densities", "-in-brush"], ["st-key-slices-", "-slice-images"]];
  let held, before, awaited, pressed, watched, width = 0, until = 0;
  const now = () => performance.now(), within = (target, where) => target instanceof Element && target.closest(where);
  const find = where => document.querySelector(where), boxOf = one => one?.getBoundingClientRect?.();
  const move = by => { find(".stMain").scrollTop += by; };
  const grasped = (target, y) => {
    const element = !within(target, "[class*='st-key-inspector']") && within(target, ".stMain") &&
      target.closest(".stElementContainer, [class*='st-key-']");
    if (!element) return null;
    const box = boxOf(element), key = element.className.match(/st-key-\S+/)?.[0];
    return {element, key, part: (y - box.top) / box.height, top: y, path: location.pathname};
  };
  // An element drawn anew is known by its key.
  const placed = ({element, key, part}) => {
    const box = boxOf(element.isConnected ? element : key && find(`.${key}`));
    return box?.height ? box.top + part * box.height : null;
  };
  // Beside the page what was pressed last is held if it is in view, else what is.
  const inView = () => {
    const top = before?.path === location.pathname ? placed(before) : null;
    if (top > HEAD && top < innerHeight) return {...before, top};
    const left = boxOf(find(".stMainBlockContainer"))?.left + HEAD || HEAD;
    return grasped(document.elementFromPoint(left, innerHeight / 2), innerHeight / 2);
  };
  const hold = () => {
    if (!held || !until || held.path !== location.pathname) return;
    if (find(".stApp").dataset.testScriptState === "running") until = now() + HELD_MS;
    const top = now() < until ? placed(held) : null;
    if (top !== null && Math.abs(top - held.top) > 1) move(top - held.top);
  };
  const answer = () => {
    if (!awaited || now() > awaited.until) return;
    const top = boxOf(find(`[class*="st-key-tiles-"][class*="${awaited.key}"]`))?.top;
    if (top) move(Math.max(0, Math.min(top + ROW - innerHeight, top - HEAD)));
  };
  const observer = new ResizeObserver(([{contentRect}]) => {
    if (width && Math.abs(contentRect.width - width) > 1) until = now() + HELD_MS;
    width = contentRect.width;
    hold();
    answer();
  });
  const press = (target, y) => {
    const own = grasped(target, y), block = find(".stMainBlockContainer > *");
    before = own ?? before;
    held = own ?? inView();
    awaited = null;
    until = 0;
    if (!block || block === watched) return;
    observer.disconnect();
    width = 0;
    observer.observe(watched = block);
  };
  addEventListener("pointerdown", event => press((pressed = event).target, event.clientY), true);
  // While the mouse is down plotly covers the page: the figure is the one that was pressed.
  addEventListener("pointerup", event => {
    const figure = within(pressed?.target, ".js-plotly-plot");
    const pair = figure && ANSWERS.find(([key]) => figure.closest(`[class*="${key}"]`));
    const dragged = pair && Math.abs(event.clientX - pressed.clientX) > 4;
    if (!pair || (figure.layout.dragmode === "select" ? !dragged : dragged || pair === ANSWERS[0])) return;
    awaited = {key: pair[1], until: now() + ANSWER_MS};
    answer();
  }, true);
  const letGo = () => { held = awaited = null; };
  addEventListener("keydown", ({key}) => {
    const one = document.activeElement;
    one && ["Enter", " "].includes(key) ? press(one, boxOf(one).top) : letGo();
  }, true);
  addEventListener("popstate", () => press(null), true);
  for (const kind of ["wheel", "touchmove"]) addEventListener(kind, letGo, true);
}
