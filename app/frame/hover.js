// The image that a mark or a tile stands for, under the mouse. A mark of a figure carries its image as customdata (place
// of the set times ID, plus its number), and the title above the figure where the images of each set are; a tile is cut
// out of the one picture of its gallery. Images that somebody brought are in a sheet in the title, which that person's
// page alone has. Words stand in the hover label of the mark, so a screen reader misses nothing.
if (!window.__hvaeHover) {
  window.__hvaeHover = true;
  const ID = 10000000, SIDE = 160, GAP = 44;
  const box = document.createElement("div");
  box.className = "hovered";
  box.setAttribute("aria-hidden", "true");
  document.body.append(box);
  let wanted = null;
  const hide = () => { wanted = null; box.style.display = "none"; };
  const show = (event, image, size = "100% 100%", position = "0 0") => {
    const x = Math.max(8, Math.min(event.clientX - SIDE / 2, innerWidth - SIDE - 8));
    const above = event.clientY - SIDE - GAP;
    Object.assign(box.style, {
      backgroundImage: `url("${image}")`, backgroundSize: size, backgroundPosition: position, display: "block",
      left: `${x}px`, top: `${above < 8 ? event.clientY + GAP : above}px`,
    });
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
  const hovered = figure => found => {
    const mark = found.points.find(one => Number.isInteger(one.customdata));
    if (!mark || !found.event) return hide();
    const sheet = figure.closest('[class*="st-key-tiles-"]') && figure.layout.images?.[0];
    if (sheet) return tile(found.event, sheet, mark.customdata);
    const title = figure.closest(".stVerticalBlock")?.querySelector("[data-pictures], [data-sheet]");
    const {sheet: own, pictures} = title?.dataset ?? {};
    if (own) return square(found.event, JSON.parse(own), mark.customdata);
    const place = pictures && JSON.parse(pictures)[Math.floor(mark.customdata / ID)];
    place ? fetched(found.event, `${place}/${mark.customdata % ID}.png`) : hide();
  };
  addEventListener("pointerover", event => {
    const one = event.target;
    if (!(one instanceof Element) || event.pointerType === "touch") return;
    const picture = one.closest(".mosaic img"), figure = one.closest(".js-plotly-plot");
    if (picture) return show(event, picture.src);
    if (!figure) return hide();
    // Plotly forgets who listens when it draws a figure from scratch.
    if (figure._ev && figure.__hvaeHovered !== figure._ev) {
      figure.__hvaeHovered = figure._ev;
      figure.on("plotly_hover", hovered(figure));
      figure.on("plotly_unhover", hide);
    }
  }, true);
  for (const kind of ["pointerdown", "wheel", "keydown"]) addEventListener(kind, hide, true);
}
