import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { nowMs } from './clock'

export const HOUR = 3_600_000

/**
 * The one time window of the page. Live: the last `span` until now. Past: a fixed `from`–`to`.
 * The router mirrors it in `?from=&to=` (ISO instants), so a link shows what its sender saw.
 */
export const useTimeWindow = defineStore('timeWindow', () => {
  const span = ref(6 * HOUR)
  const fixed = ref<{ from: number; to: number } | null>(null)

  const live = computed(() => fixed.value === null)
  const from = computed(() => fixed.value?.from ?? nowMs.value - span.value)
  const to = computed(() => fixed.value?.to ?? nowMs.value)
  /** The moment the page shows; null while live. */
  const at = computed(() => fixed.value?.to ?? null)

  function goLive(nextSpan?: number): void {
    if (nextSpan) span.value = nextSpan
    fixed.value = null
  }
  function goTo(start: number, end: number): void {
    if (!(end > start)) throw new RangeError('a time window ends after it starts')
    fixed.value = { from: Math.round(start), to: Math.round(end) }
  }
  /** Show the page as it was at this moment, keeping the span. */
  function goAt(moment: number): void {
    const width = fixed.value ? fixed.value.to - fixed.value.from : span.value
    goTo(moment - width, moment)
  }

  const query = computed((): Record<string, string> =>
    fixed.value
      ? { from: new Date(fixed.value.from).toISOString(), to: new Date(fixed.value.to).toISOString() }
      : {},
  )
  /** Take the window from a URL; what cannot be read leaves the page live. */
  function read(q: Record<string, unknown>): void {
    const start = typeof q.from === 'string' ? Date.parse(q.from) : NaN
    const end = typeof q.to === 'string' ? Date.parse(q.to) : NaN
    if (end > start) {
      if (fixed.value?.from !== start || fixed.value.to !== end) fixed.value = { from: start, to: end }
    } else fixed.value = null
  }

  return { span, fixed, live, from, to, at, query, goLive, goTo, goAt, read }
})
