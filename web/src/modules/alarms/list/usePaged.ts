import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { api, type Page, type Query } from '@/api/client'

const SIZE = 100
/** What was placed is put into answers to questions that were asked before, this long. */
const REMEMBERED_MS = 10_000

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
  /** Put a record that came by itself where it belongs, or take it out; false where only a question can tell. */
  place: (item: T, stays: boolean) => boolean
  loaded: () => T[]
}

export interface Order<T> {
  key: (item: T) => number
  /** Negative when the first one stands above the second, as the server sorts. */
  compare: (a: T, b: T) => number
}

/** A list of which only the upper part is known, with a record put in its place or taken out; null when its place lies below. */
export function placed<T>(known: readonly T[], whole: boolean, item: T, stays: boolean, order: Order<T>): { items: T[]; more: number } | null {
  const items = known.filter((one) => order.key(one) !== order.key(item))
  const was = known.length - items.length
  if (!stays) return was || whole ? { items, more: -was } : null
  let at = items.findIndex((one) => order.compare(item, one) < 0)
  if (at < 0) {
    if (!whole) return null
    at = items.length
  }
  items.splice(at, 0, item)
  return { items, more: 1 - was }
}

/** A list of any length, of which only the pages that are looked at are fetched. */
export function usePaged<T>(path: () => string, query: () => Query, order: Order<T>): Paged<T> {
  const pages = new Map<number, T[]>()
  const running = new Map<number, AbortController>()
  const total = ref(0)
  const version = shallowRef(0)
  const error = ref<unknown>(null)
  const waiting = ref(true)
  let seen = { first: 0, end: 1 }
  let question = 0
  let recent: { at: number; item: T; stays: boolean }[] = []

  async function fetchPage(page: number): Promise<void> {
    running.get(page)?.abort()
    const mine = new AbortController()
    const asked = question
    const askedAt = performance.now()
    running.set(page, mine)
    try {
      const got = await api.get<Page<T>>(path(), { ...query(), limit: SIZE, offset: page * SIZE }, { signal: mine.signal })
      if (asked !== question || running.get(page) !== mine) return
      pages.set(page, got.items)
      total.value = got.total
      error.value = null
      for (const one of recent) if (one.at > askedAt) put(one.item, one.stays)
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
  function put(item: T, stays: boolean): boolean {
    const known: T[] = []
    let run = 0
    for (; pages.has(run); run++) known.push(...pages.get(run)!)
    if (!run) return false
    const next = placed(known, known.length >= total.value, item, stays, order)
    if (!next) return false
    total.value += next.more
    // What lies below the part that is known from the top has moved by one.
    if (next.more) for (const page of pages.keys()) if (page >= run) pages.delete(page)
    const end = Math.max(1, Math.ceil(next.items.length / SIZE))
    for (let page = 0; page < Math.max(run, end); page++) {
      const part = next.items.slice(page * SIZE, (page + 1) * SIZE)
      // A last page that is not full although more follow is not known any more.
      if (part.length === SIZE || page * SIZE + part.length >= total.value || page < run) pages.set(page, part)
    }
    return true
  }
  function place(item: T, stays: boolean): boolean {
    const now = performance.now()
    recent = [...recent.filter((one) => now - one.at < REMEMBERED_MS), { at: now, item, stays }]
    const done = put(item, stays)
    if (done) version.value++
    return done
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
    recent = []
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
    total, version, error, waiting, need, restart, refresh, place,
    at: (index) => pages.get(Math.floor(index / SIZE))?.[index % SIZE],
    loaded: () => [...pages.values()].flat(),
  }
}
