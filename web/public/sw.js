/*
 * Work without a network, and messages while no page is open.
 *
 * Built assets carry their hash in the name and are kept for good. Pages and a few answers a person in the field needs (their own
 * cases, forms, session) are asked for on the network first and shown from the last time only when it is not there; the page is
 * told when they date from. Nothing that changes anything passes through here. Signing out empties the answers.
 */
const SHELL = 'parksight-shell-1'
const ANSWERS = 'parksight-answers-1'
const KEPT_ANSWERS = 300
const READABLE = [/^\/api\/v1\/session$/, /^\/api\/v1\/meta$/, /^\/api\/v1\/cases(\/|$)/, /^\/api\/v1\/case-types(\/|$)/, /^\/api\/v1\/duty(\/|$)/]

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(SHELL)
      .then((cache) => cache.add(new Request('/', { cache: 'reload' })))
      .then(() => self.skipWaiting()),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => n.startsWith('parksight-') && n !== SHELL && n !== ANSWERS).map((n) => caches.delete(n))))
      .then(() => self.clients.claim()),
  )
})

self.addEventListener('message', (event) => {
  if (event.data === 'forget') event.waitUntil(caches.delete(ANSWERS))
})

async function keepAnswer(request, response) {
  const cache = await caches.open(ANSWERS)
  const headers = new Headers(response.headers)
  headers.set('x-parksight-read-at', String(Date.now()))
  await cache.put(request, new Response(await response.blob(), { status: response.status, headers }))
  const keys = await cache.keys()
  await Promise.all(keys.slice(0, Math.max(0, keys.length - KEPT_ANSWERS)).map((k) => cache.delete(k)))
}

async function answer(event) {
  const { request } = event
  try {
    const response = await fetch(request)
    if (response.ok && (response.headers.get('content-type') || '').includes('json')) event.waitUntil(keepAnswer(request, response.clone()))
    return response
  } catch (failure) {
    const kept = await caches.match(request, { cacheName: ANSWERS, ignoreVary: true })
    if (!kept) throw failure
    const client = await self.clients.get(event.clientId)
    if (client) client.postMessage({ kind: 'kept-answer', at: Number(kept.headers.get('x-parksight-read-at')) })
    return kept
  }
}

async function page(request) {
  try {
    const response = await fetch(request)
    if (response.ok) (await caches.open(SHELL)).put('/', response.clone())
    return response
  } catch (failure) {
    const kept = await caches.match('/', { cacheName: SHELL })
    if (!kept) throw failure
    return kept
  }
}

async function asset(request) {
  const kept = await caches.match(request, { cacheName: SHELL })
  if (kept) return kept
  const response = await fetch(request)
  if (response.ok) (await caches.open(SHELL)).put(request, response.clone())
  return response
}

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (request.mode === 'navigate') event.respondWith(page(request))
  else if (url.pathname.startsWith('/assets/')) event.respondWith(asset(request))
  else if (READABLE.some((r) => r.test(url.pathname)) && !url.pathname.endsWith('/export')) event.respondWith(answer(event))
})

self.addEventListener('push', (event) => {
  let said = {}
  try {
    said = event.data ? event.data.json() : {}
  } catch {
    said = {}
  }
  event.waitUntil(
    self.registration.showNotification(said.title || 'ParkSight 园视', {
      body: said.body || '',
      // The same message tried again replaces itself.
      tag: said.key || undefined,
      // A path of this site and nothing else: //elsewhere would be another.
      data: { path: /^\/(?![\/\\])/.test(said.page || '') ? said.page : '/notifications' },
      icon: '/favicon.svg',
      requireInteraction: said.priority === 1,
    }),
  )
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const path = (event.notification.data && event.notification.data.path) || '/'
  event.waitUntil(
    self.clients.matchAll({ type: 'window' }).then((open) => {
      const own = open.find((c) => 'focus' in c)
      return own ? own.navigate(path).then((c) => c && c.focus()) : self.clients.openWindow(path)
    }),
  )
})
