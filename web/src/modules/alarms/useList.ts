import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { api, type Page, type Query } from '@/api/client'

/** One page of a list that follows its filters; an answer that was overtaken is dropped. */
export function useList<T>(
  path: string,
  filters: () => Query,
  size = 50,
): {
  rows: ShallowRef<T[]>
  total: Ref<number>
  page: Ref<number>
  busy: Ref<boolean>
  error: Ref<unknown>
  read: () => Promise<void>
} {
  const rows = shallowRef<T[]>([])
  const total = ref(0)
  const page = ref(1)
  const busy = ref(false)
  const error = ref<unknown>(null)
  let running: AbortController | null = null
  let timer = 0

  async function read(): Promise<void> {
    window.clearTimeout(timer)
    running?.abort()
    const own = new AbortController()
    running = own
    busy.value = true
    try {
      const query = { ...filters(), limit: size, offset: (page.value - 1) * size }
      const got = await api.get<Page<T>>(path, query, { signal: own.signal })
      if (running !== own) return
      rows.value = got.items
      total.value = got.total
      error.value = null
    } catch (failure) {
      if (running === own && !(failure instanceof DOMException)) error.value = failure
    } finally {
      if (running === own) busy.value = false
    }
  }
  watch(
    () => JSON.stringify(filters()),
    () => {
      page.value = 1
      window.clearTimeout(timer)
      timer = window.setTimeout(() => void read(), 250)
    },
  )
  watch(page, () => void read())
  onScopeDispose(() => {
    window.clearTimeout(timer)
    running?.abort()
  })
  void read()
  return { rows, total, page, busy, error, read }
}
