// A folder with many images travels as a few archives: Streamlit sends file by file and draws its list anew for each,
// which takes minutes from a thousand on. So does any folder that is dropped, since the path of a dropped file is lost.
// The paragraph [data-takes] beside the uploader says what is taken, and is where this says what it does.
if (!window.__hvaeFolders) {
  window.__hvaeFolders = true;
  const FEW = 60, PART_BYTES = 24e6, PART_FILES = 10000;
  const table = Uint32Array.from({length: 256}, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? byte >>> 1 ^ 0xedb88320 : byte >>> 1;
    return byte;
  });
  const checksum = bytes => {
    let sum = -1;
    for (const byte of bytes) sum = table[(sum ^ byte) & 255] ^ sum >>> 8;
    return ~sum >>> 0;
  };
  const record = (signature, shorts, rest) => {
    const view = new DataView(new ArrayBuffer(4 + 2 * shorts.length + rest.reduce((sum, [size]) => sum + size, 0)));
    view.setUint32(0, signature, true);
    shorts.forEach((value, place) => view.setUint16(4 + 2 * place, value, true));
    let at = 4 + 2 * shorts.length;
    for (const [size, value] of rest) {
      size === 2 ? view.setUint16(at, value, true) : view.setUint32(at, value, true);
      at += size;
    }
    return view;
  };
  // Stored as they are, as images hardly get smaller; names in UTF-8 (bit 11), of the first of January 1980.
  const packed = async (files, title) => {
    const parts = [], index = [];
    let at = 0, indexed = 0;
    for (const {file, path} of files) {
      const content = new Uint8Array(await file.arrayBuffer()), size = content.length, sum = checksum(content);
      const name = new TextEncoder().encode(path);
      const facts = [[4, sum], [4, size], [4, size], [2, name.length], [2, 0]];
      parts.push(record(0x04034b50, [20, 2048, 0, 0, 33], facts), name, content);
      index.push(record(0x02014b50, [20, 20, 2048, 0, 0, 33], [...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]]), name);
      at += 30 + name.length + size;
      indexed += 46 + name.length;
    }
    const end = record(0x06054b50, [0, 0, files.length, files.length], [[4, indexed], [4, at], [2, 0]]);
    return new File([...parts, ...index, end], title, {type: "application/zip"});
  };
  const send = async (input, files, say) => {
    const [top, ...rest] = files[0].path.split("/"), archives = new DataTransfer();
    const folder = rest.length ? top : `${files.length}-images`;
    if (files.every(one => one.path.startsWith(`${folder}/`)))
      files = files.map(({file, path}) => ({file, path: path.slice(folder.length + 1)}));
    for (let start = 0, end; start < files.length; start = end) {
      let bytes = 0;
      for (end = start; end < files.length && end - start < PART_FILES && (end === start || bytes < PART_BYTES); end++)
        bytes += files[end].file.size;
      say(`Packing ${end.toLocaleString("en")} of ${files.length.toLocaleString("en")} files.`);
      const number = end - start < files.length ? `-${archives.items.length + 1}` : "";
      archives.items.add(await packed(files.slice(start, end), `${folder}${number}.zip`));
    }
    say("");
    input.files = archives.files;
    input.dispatchEvent(new Event("change", {bubbles: true}));
  };
  const take = (input, place, files) => {
    const bytes = files.reduce((sum, {file}) => sum + file.size, 0), say = text => { place.textContent = text; };
    const [most, mib] = place.dataset.takes.split(" ").map(Number);
    const size = `${files.length.toLocaleString("en")} files of ${Math.ceil(bytes / 2 ** 20).toLocaleString("en")} MiB`;
    const limit = `${most.toLocaleString("en")} files and ${mib.toLocaleString("en")} MiB are taken at once`;
    if (files.length > most || bytes > mib * 2 ** 20) {
      say(`These are ${size}, and at most ${limit}. ${place.dataset.instead}`);
      input.value = "";
    } else if (!files.length) say("There is no file in it.");
    else send(input, files, say).catch(error => say(`They could not be read: ${error.message}`));
  };
  document.addEventListener("change", event => {
    const input = event.target, place = document.querySelector("[data-takes]");
    if (!place || input.type !== "file" || input.files.length <= FEW) return;
    event.stopImmediatePropagation();
    take(input, place, Array.from(input.files, file => ({file, path: file.webkitRelativePath || file.name})));
  }, true);
  const later = ask => new Promise(ask);
  const below = async entry => {
    const path = entry.fullPath.slice(1);
    if (entry.isFile) return [{path, file: await later((done, failed) => entry.file(done, failed))}];
    const reader = entry.createReader(), found = [];
    // It gives some at a time, and none at the end.
    for (let some = [0]; some.length; found.push(...some))
      some = await later((done, failed) => reader.readEntries(done, failed));
    return (await Promise.all(found.map(below))).flat();
  };
  document.addEventListener("drop", event => {
    const place = document.querySelector("[data-takes]"), zone = event.target;
    const input = zone.closest?.('[data-testid="stFileUploader"]')?.querySelector("input[type=file]");
    const entries = [...event.dataTransfer.items].map(one => one.webkitGetAsEntry()).filter(Boolean);
    if (!place || !input || !entries.some(one => one.isDirectory)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    zone.dispatchEvent(new DragEvent("dragleave", {bubbles: true}));
    place.textContent = "Looking into the folder.";
    Promise.all(entries.map(below)).then(
      files => take(input, place, files.flat().sort((one, other) => one.path < other.path ? -1 : 1)),
      error => { place.textContent = `The folder could not be read: ${error.message}`; });
  }, true);
}
