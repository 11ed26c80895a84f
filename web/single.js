// Unpacks the module that this file carries, draws the page, and says why when that fails.

(async () => {
  try {
    const carrier = document.getElementById("module");
    const packed = Uint8Array.from(atob(carrier.textContent), (char) => char.charCodeAt(0));
    const bytes = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const headers = { "content-type": "application/wasm" };
    await wasm_bindgen({ module_or_path: new Response(bytes, { headers }) });
    carrier.remove();
    await wasm_bindgen.mount();
  } catch (error) {
    const place = document.getElementById("starting");
    if (place) {
      place.setAttribute("role", "alert");
      place.textContent = `The page could not start: ${error.message}`;
    }
    throw error;
  }
})();
