import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

export interface Poll<T> {
  data: ShallowRef<T | null>
  error: Ref<unknown>
  busy: Ref<boolean>
  read: () => Promise<void>
}

/**
 * Ask now and every `everyMs` while the page is looked at; 0 asks once.
 * A failed round keeps the last answer and says so in `error`; an overtaken answer is dropped.
 */
export function usePoll<T>(ask: (signal: AbortSignal) => Promise<T>, everyMs: number): Poll<T> {
  const data = shallowRef<T | null>(null)
  const error = ref<unknown>(null)
  const busy = ref(false)
  let running: AbortController | null = null
  let timer = 0

  async function read(): Promise<void> {
    window.clearTimeout(timer)
    running?.abort()
    const own = new AbortController()
    running = own
    busy.value = true
    try {
      const got = await ask(own.signal)
      if (running !== own) return
      data.value = got
      error.value = null
    } catch (failure) {
      if (running === own && !(failure instanceof DOMException)) error.value = failure
    } finally {
      if (running === own) {
        busy.value = false
        if (everyMs && !document.hidden) timer = window.setTimeout(() => void read(), everyMs)
      }
    }
  }
  const shown = (): void => {
    if (!document.hidden && everyMs) void read()
  }
  document.addEventListener('visibilitychange', shown)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', shown)
    window.clearTimeout(timer)
    running?.abort()
    running = null
  })
  void read()
  return { data, error, busy, read }
}
