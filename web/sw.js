// Keeps the page itself available without its server.
//
// Only files of the page are ever answered from here: those named below, whose names hold a digest
// of their content, come from the cache; the index comes from the network, and from the cache when
// there is none. Every other request, the API first of all, passes untouched.

const FILES = [{{files}}];
const CACHE = `${registration.scope} {{version}}`;

const scope = new URL(registration.scope);
const index = scope.href;
const kept = new Set(FILES.map((file) => new URL(file, scope).href));

addEventListener("install", (event) => {
  const fill = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll([new Request(index, { cache: "reload" }), ...kept]);
    await skipWaiting();
  };
  event.waitUntil(fill());
});

addEventListener("activate", (event) => {
  const tidy = async () => {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith(`${registration.scope} `) && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await clients.claim();
  };
  event.waitUntil(tidy());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = request.url.split("#", 1)[0];
  if (kept.has(url)) event.respondWith(cacheFirst(request));
  else if (url === index || url === `${index}index.html`) event.respondWith(networkFirst(request));
});

async function cacheFirst(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request.url, { ignoreVary: true })) ?? fetch(request);
}

// The cached index stays the one that was installed with the files it names: an index of a newer
// page is of no use without the files of that page.
async function networkFirst(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const cache = await caches.open(CACHE);
    const installed = await cache.match(index, { ignoreVary: true });
    if (installed) return installed;
    throw error;
  }
}
