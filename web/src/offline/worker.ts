import { ref, type Ref } from 'vue'

/** When what is shown was read, while it comes from the device instead of the server; null when it is fresh. */
export const keptSince: Ref<number | null> = ref(null)

/** Let the service worker keep pages and one's own work readable without a network. Built site on a secure origin only. */
export function startWorker(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator) || !window.isSecureContext) return
  navigator.serviceWorker.addEventListener('message', (event: MessageEvent<{ kind?: string; at?: number }>) => {
    if (event.data?.kind === 'kept-answer' && event.data.at) keptSince.value = Math.min(keptSince.value ?? Infinity, event.data.at)
  })
  window.addEventListener('online', () => (keptSince.value = null))
  void navigator.serviceWorker.register('/sw.js').catch(() => undefined)
}

/** Signing out leaves nothing of the person's work on the device. */
export function forgetAnswers(): void {
  navigator.serviceWorker?.controller?.postMessage('forget')
}
