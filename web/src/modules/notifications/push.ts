import { api } from '@/api/client'
import type { PushBrowser } from './types'

/** Which of one's browsers this one is, as the server numbered it. */
const KEPT = 'parksight.push'

export type PushState = 'unsupported' | 'insecure' | 'no_worker' | 'off' | 'denied' | 'ready' | 'on'

/** VAPID key (base64url) as the browser wants it. */
export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (key.length % 4)) % 4))
  const bytes = new Uint8Array(new ArrayBuffer(text.length))
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** `Chromium 156 · Linux` of a user agent; the words themselves where it is none we know. */
export function browserName(agent: string): string {
  const maker = /(Edg|OPR|Firefox|Chrome|Version)\/(\d+)/.exec(agent)
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' }
  const found = /Edg\//.test(agent) ? /(Edg)\/(\d+)/.exec(agent) : /OPR\//.test(agent) ? /(OPR)\/(\d+)/.exec(agent) : maker
  const system = /Android|iPhone|iPad|Windows|Mac OS X|Linux/.exec(agent)?.[0]
  if (!found) return agent.slice(0, 60) || '—'
  return `${names[found[1]!] ?? found[1]} ${found[2]}${system ? ` · ${system.replace('Mac OS X', 'macOS')}` : ''}`
}

/** How long the browser's maker may take to answer; where the network ends at the park's edge no answer ever comes. */
const PATIENCE = 15_000

/** @throws DOMException `TimeoutError`; what is late is given back. */
async function within<T>(work: Promise<T>, ms: number, late: (done: T) => unknown): Promise<T> {
  let over = false
  let timer = 0
  const end = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => {
      over = true
      reject(new DOMException('no answer', 'TimeoutError'))
    }, ms)
  })
  void work.then((done) => over && late(done)).catch(() => undefined)
  return Promise.race([work, end]).finally(() => window.clearTimeout(timer))
}

/** The service worker of the built site; null where it is not registered. */
async function worker(): Promise<ServiceWorkerRegistration | null> {
  return (await navigator.serviceWorker.getRegistration('/')) ?? null
}

export const thisBrowser = (): number | null => Number(localStorage.getItem(KEPT)) || null

/** Whether messages can reach this browser, and what is in the way. */
export async function pushState(key: string | null, mine: readonly PushBrowser[]): Promise<PushState> {
  if (!window.isSecureContext) return 'insecure'
  if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) return 'unsupported'
  if (!key) return 'off'
  const registration = await worker()
  if (!registration) return 'no_worker'
  if (Notification.permission === 'denied') return 'denied'
  // The browser may have been subscribed by somebody else who used it before: it is ours only when the server says so.
  const subscribed = await registration.pushManager.getSubscription()
  return subscribed && mine.some((b) => b.id === thisBrowser()) ? 'on' : 'ready'
}

/**
 * Ask the person, then the browser's maker, then tell the server.
 * @throws DOMException when the person or the browser refuses, Problem when the server does.
 */
export async function subscribe(key: string): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') throw new DOMException('permission refused', 'NotAllowedError')
  const registration = await worker()
  if (!registration) throw new DOMException('no service worker', 'InvalidStateError')
  const old = await registration.pushManager.getSubscription()
  // One made with another key (a channel set up anew) is refused by the browser.
  if (old) await old.unsubscribe()
  const asked = registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: keyBytes(key) })
  const made = await within(asked, PATIENCE, (late) => late.unsubscribe())
  const { endpoint, keys } = made.toJSON()
  try {
    const kept = await api.post<PushBrowser>('/notifications/push/subscriptions', { endpoint, keys })
    localStorage.setItem(KEPT, String(kept.id))
  } catch (failure) {
    await made.unsubscribe()
    throw failure
  }
}

/** One of one's browsers is told nothing any more. */
export async function unsubscribe(id: number): Promise<void> {
  await api.delete(`/notifications/push/subscriptions/${id}`)
  if (id !== thisBrowser()) return
  localStorage.removeItem(KEPT)
  await (await (await worker())?.pushManager.getSubscription())?.unsubscribe()
}
