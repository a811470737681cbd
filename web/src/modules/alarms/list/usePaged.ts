import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { api, type Page, type Query } from '@/api/client'

const SIZE = 100

export interface Paged<T> {
  total: Ref<number>
  /** Moves whenever a page arrived. */
  version: ShallowRef<number>
  error: Ref<unknown>
  /** The first answer is still awaited. */
  waiting: Ref<boolean>
  at: (index: number) => T | undefined
  /** What is looked at now: pages that are missing are asked for. */
  need: (first: number, end: number) => void
  /** The question is another one: begin anew. */
  restart: () => void
  /** The same question again, for what is looked at. */
  refresh: () => void
  loaded: () => T[]
}

/** A list of any length, of which only the pages that are looked at are fetched. */
export function usePaged<T>(path: () => string, query: () => Query): Paged<T> {
  const pages = new Map<number, T[]>()
  const running = new Map<number, AbortController>()
  const total = ref(0)
  const version = shallowRef(0)
  const error = ref<unknown>(null)
  const waiting = ref(true)
  let seen = { first: 0, end: 1 }
  let question = 0

  async function fetchPage(page: number): Promise<void> {
    running.get(page)?.abort()
    const mine = new AbortController()
    const asked = question
    running.set(page, mine)
    try {
      const got = await api.get<Page<T>>(path(), { ...query(), limit: SIZE, offset: page * SIZE }, { signal: mine.signal })
      if (asked !== question || running.get(page) !== mine) return
      pages.set(page, got.items)
      total.value = got.total
      error.value = null
      version.value++
    } catch (failure) {
      if (asked === question && running.get(page) === mine && !(failure instanceof DOMException)) error.value = failure
    } finally {
      if (asked === question && running.get(page) === mine) {
        running.delete(page)
        waiting.value = false
      }
    }
  }
  const wanted = (): number[] => {
    const last = Math.max(0, Math.ceil(seen.end / SIZE) - 1)
    const first = Math.min(Math.floor(seen.first / SIZE), last)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  }
  function need(first: number, end: number): void {
    seen = { first, end: Math.max(end, first + 1) }
    for (const page of wanted()) if (!pages.has(page) && !running.has(page)) void fetchPage(page)
  }
  function restart(): void {
    question++
    for (const one of running.values()) one.abort()
    running.clear()
    pages.clear()
    waiting.value = true
    seen = { first: 0, end: 1 }
    void fetchPage(0)
  }
  function refresh(): void {
    const now = new Set(wanted())
    // What is out of sight may be old by now; it is fetched when it is looked at.
    for (const page of pages.keys()) if (!now.has(page)) pages.delete(page)
    for (const page of now) void fetchPage(page)
  }
  onScopeDispose(() => {
    question++
    for (const one of running.values()) one.abort()
  })
  return {
    total, version, error, waiting, need, restart, refresh,
    at: (index) => pages.get(Math.floor(index / SIZE))?.[index % SIZE],
    loaded: () => [...pages.values()].flat(),
  }
}
