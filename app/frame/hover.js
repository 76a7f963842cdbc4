// The image that a mark or a tile stands for, under the mouse. A mark of a figure carries its image as customdata (place
// of the set times ID, plus its number), and the title above the figure where the images of each set are; a tile is cut
// out of the one picture of its gallery. Images that somebody brought are in a sheet in the title, which that person's
// page alone has. Words stand in the hover label of the mark, so a screen reader misses nothing, and beside the image
// where a figure has thousands of marks.
if (!window.__hvaeHover) {
  window.__hvaeHover = true;
  const ID = 10000000, SIDE = 160, GAP = 44;
  const made = name => {
    const element = document.createElement("div");
    element.className = name;
    element.setAttribute("aria-hidden", "true");
    document.body.append(element);
    return element;
  };
  const box = made("hovered"), words = made("hovered-words");
  let wanted = null;
  const hide = () => { wanted = null; box.style.display = words.style.display = "none"; };
  const beside = (element, event, wide, top) => Object.assign(element.style, {
    display: "block", left: `${Math.max(8, Math.min(event.clientX - wide / 2, innerWidth - wide - 8))}px`, top: `${top}px`,
  });
  const show = (event, image, size = "100% 100%", position = "0 0") => {
    Object.assign(box.style, {
      backgroundImage: `url("${image}")`, backgroundSize: size, backgroundPosition: position,
    });
    const above = event.clientY - SIDE - GAP;
    beside(box, event, SIDE, above < 8 ? event.clientY + GAP : above);
  };
  const fetched = (event, address) => {
    const image = new Image();
    wanted = image;
    // What is not on this machine shows nothing.
    image.onload = () => { if (wanted === image) show(event, address); };
    image.src = address;
  };
  const tile = (event, sheet, place) => {
    // A tile fills its place of the sheet but for the gap behind it.
    const wide = SIDE / 0.95, columns = Math.round(sheet.sizex), high = sheet.sizey * wide;
    const left = place % columns * wide, down = Math.floor(place / columns) * high / Math.round(sheet.sizey / 1.34);
    show(event, sheet.source, `${columns * wide}px ${high}px`, `${-left}px ${-down}px`);
  };
  const square = (event, {source, columns, rows}, place) => {
    const left = place % columns * SIDE, down = Math.floor(place / columns) * SIDE;
    show(event, source, `${columns * SIDE}px ${rows * SIDE}px`, `${-left}px ${-down}px`);
  };
  // Numbers as plotly gets them, in bytes.
  const KINDS = {i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
    f4: Float32Array, f8: Float64Array, i8: BigInt64Array, u8: BigUint64Array};
  const numbers = ({dtype, bdata}) =>
    new KINDS[dtype](Uint8Array.from(atob(bdata), letter => letter.charCodeAt(0)).buffer);
  // A figure of thousands of marks says once what all its panels have of each image: `meta` of the figure, by set.
  const unpacked = new WeakMap();
  const imageOf = (figure, mark) => {
    const meta = figure.layout.meta, place = mark.data.meta;
    if (!meta?.sets || !Number.isInteger(place)) return null;
    if (!unpacked.has(meta)) unpacked.set(meta, meta.sets.map(one =>
      ({index: numbers(one.index), label: numbers(one.label), score: numbers(one.score)})));
    const set = unpacked.get(meta)[place], at = mark.pointNumber, index = Number(set.index[at]);
    const score = spelled(set.score[at]);
    return {id: place * ID + index, said: `${meta.sets[place].title} ${index}, label ${set.label[at]}\n${score} ${meta.unit}`};
  };
  // As the pages write numbers of four digits.
  const spelled = value => {
    if (!Number.isFinite(value)) return "–";
    const large = Math.abs(Math.round(value)) >= 10000;
    const text = large ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(4)));
    return text.replace("-", "−");
  };
  const hovered = figure => found => {
    if (!found.event) return hide();
    const one = found.points[0] && imageOf(figure, found.points[0]);
    if (one) {
      words.textContent = one.said;
      words.style.display = "block";
      beside(words, found.event, words.offsetWidth, Math.max(4, found.event.clientY - 42));
    }
    const id = one?.id ?? found.points.find(each => Number.isInteger(each.customdata))?.customdata;
    if (id === undefined) return hide();
    const sheet = figure.closest('[class*="st-key-tiles-"]') && figure.layout.images?.[0];
    if (sheet) return tile(found.event, sheet, id);
    const title = figure.closest(".stVerticalBlock")?.querySelector("[data-pictures], [data-sheet]");
    const {sheet: own, pictures} = title?.dataset ?? {};
    if (own) return square(found.event, JSON.parse(own), id);
    const place = pictures && JSON.parse(pictures)[Math.floor(id / ID)];
    place ? fetched(found.event, `${place}/${id % ID}.png`) : one || hide();
  };
  // Streamlit hears of a mark that is clicked only where nothing can be drawn around marks: there it is told as of a
  // lasso around that one, again each time.
  const clicked = figure => found => {
    if (figure.layout.dragmode !== "lasso" || !found.points.length) return;
    const {curveNumber, pointNumber, pointIndex, x, y, data} = found.points[0];
    figure.emit("plotly_selected", {points: [{curveNumber, pointNumber, pointIndex, x, y, data, at: performance.now()}]});
  };
  addEventListener("pointerover", event => {
    const one = event.target;
    if (!(one instanceof Element) || event.pointerType === "touch") return;
    // A long name is cut in a menu, and whole here.
    if (one.matches("input[role=combobox], [role=option] *")) one.title = one.value ?? one.textContent;
    const picture = one.closest(".mosaic img"), figure = one.closest(".js-plotly-plot");
    if (picture) return show(event, picture.src);
    if (!figure) return hide();
    // Plotly forgets who listens when it draws a figure from scratch.
    if (figure._ev && figure.__hvaeHovered !== figure._ev) {
      figure.__hvaeHovered = figure._ev;
      figure.on("plotly_hover", hovered(figure));
      figure.on("plotly_unhover", hide);
      figure.on("plotly_click", clicked(figure));
    }
  }, true);
  for (const kind of ["pointerdown", "wheel", "keydown"]) addEventListener(kind, hide, true);
}
