// Loads the module, draws the page, and says why when that fails.

try {
  const { default: load, mount } = await import("./{{glue}}");
  await load({ module_or_path: new URL("./{{module}}", import.meta.url) });
  mount();
} catch (error) {
  const place = document.getElementById("starting");
  if (place) {
    place.setAttribute("role", "alert");
    place.textContent = `The page could not start: ${error.message}`;
  }
  throw error;
}

// Keeps the page usable when its server is away. Browsers offer this over https and on
// loopback only; without it the page is the same, as long as the server answers.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("./sw.js").catch(() => {});
}
