import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { api } from '@/api/client'
import type { Overview } from '@/api/overview'
import { link } from '@/live/socket'
import { learnServerTime, nowMs } from '@/stores/clock'
import { useTimeWindow } from '@/stores/timeWindow'

const PERIOD = 10_000
const SOONEST = 1_000
const SETTLE = 200

/**
 * The overview at the page's moment: live it is read every ten seconds and at once after an alarm changed;
 * a past moment is read once, when scrubbing rests. An answer that was overtaken is dropped.
 */
export function useOverview(): {
  data: ShallowRef<Overview | null>
  error: Ref<unknown>
  busy: Ref<boolean>
  refresh: () => Promise<void>
} {
  const window = useTimeWindow()
  const data = shallowRef<Overview | null>(null)
  const error = ref<unknown>(null)
  const busy = ref(false)
  let timer = 0
  let running: AbortController | null = null
  let last = 0

  async function refresh(): Promise<void> {
    globalThis.clearTimeout(timer)
    running?.abort()
    const own = new AbortController()
    running = own
    busy.value = true
    last = Date.now()
    try {
      const at = window.at
      const next = await api.get<Overview>('/command/overview', { at }, { signal: own.signal })
      if (running !== own) return
      learnServerTime(next.server_ms)
      data.value = next
      error.value = null
    } catch (failure) {
      if (running !== own || (failure instanceof DOMException && failure.name === 'AbortError')) return
      error.value = failure
    } finally {
      if (running === own) {
        busy.value = false
        running = null
        plan(PERIOD)
      }
    }
  }

  function plan(wait: number): void {
    globalThis.clearTimeout(timer)
    if (window.live || wait < PERIOD) timer = globalThis.setTimeout(() => void refresh(), wait) as unknown as number
  }

  watch(
    () => window.at,
    () => plan(SETTLE),
  )
  const off = link.on('alarms', () => {
    if (window.live && !running) plan(Math.max(50, SOONEST - (Date.now() - last)))
  })
  const seen = (): void => {
    if (document.visibilityState === 'visible' && window.live && nowMs.value - (data.value?.server_ms ?? 0) > PERIOD)
      void refresh()
  }
  document.addEventListener('visibilitychange', seen)
  void refresh()
  onScopeDispose(() => {
    globalThis.clearTimeout(timer)
    running?.abort()
    running = null
    off()
    document.removeEventListener('visibilitychange', seen)
  })
  return { data, error, busy, refresh }
}
