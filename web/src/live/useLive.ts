import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import { link } from './socket'
import type { Reading } from './table'

/**
 * Watch points while this component is on screen.
 * `get(id)` is reactive: a template or computed that calls it is re-run once per frame of new values.
 */
export function useLive(ids: Ref<readonly number[]> | (() => readonly number[])): {
  get: (id: number) => Reading | null
  version: Ref<number>
} {
  let release: () => void = () => undefined
  const key = computed(() => [...(typeof ids === 'function' ? ids() : ids.value)].sort((a, b) => a - b).join())
  watch(
    key,
    (list) => {
      const next = link.watch(list ? list.split(',').map(Number) : [])
      release()
      release = next
    },
    { immediate: true },
  )
  onScopeDispose(() => release())
  const get = (id: number): Reading | null => {
    void link.version.value
    return link.get(id)
  }
  return { get, version: link.version }
}

/** One point's newest reading; null while none has come. */
export function useReading(id: () => number | null | undefined): ComputedRef<Reading | null> {
  const { get } = useLive(() => {
    const one = id()
    return one ? [one] : []
  })
  return computed(() => {
    const one = id()
    return one ? get(one) : null
  })
}

/** Newest message of a topic and a counter that moves with each. */
export function useTopic<T>(topic: string): { data: Ref<T | null>; count: Ref<number> } {
  const data = shallowRef<T | null>(null)
  const count = ref(0)
  onScopeDispose(
    link.on(topic, (next) => {
      data.value = next as T
      count.value += 1
    }),
  )
  return { data, count }
}
