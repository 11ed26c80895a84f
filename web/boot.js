// Loads the module, draws the page, and says why when that fails.

try {
  const { default: load, mount } = await import("./{{glue}}");
  await load({ module_or_path: new URL("./{{module}}", import.meta.url) });
  await mount();
} catch (error) {
  const place = document.getElementById("starting");
  if (place) {
    place.setAttribute("role", "alert");
    place.textContent = `The page could not start: ${error.message}`;
  }
  throw error;
}

// Keeps the page usable when its static host is away. Browsers offer this over https and on loopback
// only; without it the page is the same, as long as the host answers. The page of our own server has no
// worker, and sends those away that an earlier program at this address left: they would see every request.
const workers = navigator.serviceWorker;
if (document.documentElement.dataset.host === "static") {
  workers?.register("./sw.js").catch(() => {});
} else {
  const left = (await workers?.getRegistrations().catch(() => [])) ?? [];
  await Promise.all(left.map((worker) => worker.unregister()));
}
