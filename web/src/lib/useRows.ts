import { onScopeDispose, reactive, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { useRoute, useRouter, type LocationQuery } from 'vue-router'
import { api, type Page, type Query } from '@/api/client'

/** Rows of one page of a list. */
export const PAGE_SIZE = 50
/** Rows an export in the browser may gather; beyond it the list must be narrowed. */
export const EXPORT_LIMIT = 20_000

export interface RowsOptions<F> {
  sort?: string
  /** Filters as the API's query parameters; the filters themselves when left out. */
  query?: (filters: F) => Query
}

export interface Rows<T, F> {
  rows: ShallowRef<T[]>
  total: Ref<number>
  page: Ref<number>
  sort: Ref<string>
  filters: F
  busy: Ref<boolean>
  error: Ref<unknown>
  read: () => Promise<void>
  /** Every row that fits the filters, for a file. */
  all: () => Promise<T[]>
  clear: () => void
}

/** What of the URL differs from the defaults, and back again. */
export function takeQuery<F extends Record<string, string>>(query: LocationQuery, defaults: F): F {
  const out: Record<string, string> = { ...defaults }
  for (const key of Object.keys(defaults)) if (typeof query[key] === 'string') out[key] = query[key]
  return out as F
}
export function giveQuery<F extends Record<string, string>>(state: F, defaults: F): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(defaults).map((k) => [k, state[k] === defaults[k] ? undefined : state[k]]))
}

/** A paged list whose filters, order and page live in the URL, so that a link shows what its sender saw. */
export function useRows<T, F extends Record<string, string>>(
  path: () => string,
  defaults: F,
  options: RowsOptions<F> = {},
): Rows<T, F> {
  const route = useRoute()
  const router = useRouter()
  const own = route.name
  const base = { ...defaults, sort: options.sort ?? '', page: '1' }
  const first = takeQuery(route.query, base)
  const filters = reactive({ ...defaults }) as F
  for (const key of Object.keys(defaults) as (keyof F)[]) filters[key] = first[key] as F[keyof F]
  const sort = ref(first.sort)
  const page = ref(Math.max(1, Number.parseInt(first.page, 10) || 1))
  const rows = shallowRef<T[]>([])
  const total = ref(0)
  const busy = ref(false)
  const error = ref<unknown>(null)
  let running: AbortController | null = null
  let timer = 0

  const state = (): typeof base => ({ ...filters, sort: sort.value, page: String(page.value) })
  const asked = (): Query => {
    const q = options.query ? options.query(filters) : { ...filters }
    return { ...q, ...(sort.value ? { sort: sort.value } : {}) }
  }

  async function read(): Promise<void> {
    window.clearTimeout(timer)
    running?.abort()
    const mine = new AbortController()
    running = mine
    busy.value = true
    try {
      const query = { ...asked(), limit: PAGE_SIZE, offset: (page.value - 1) * PAGE_SIZE }
      const got = await api.get<Page<T>>(path(), query, { signal: mine.signal })
      if (running !== mine) return
      rows.value = got.items
      total.value = got.total
      error.value = null
    } catch (failure) {
      if (running === mine && !(failure instanceof DOMException)) error.value = failure
    } finally {
      if (running === mine) busy.value = false
    }
  }

  async function all(): Promise<T[]> {
    const found: T[] = []
    for (let offset = 0; offset < EXPORT_LIMIT; ) {
      const got = await api.get<Page<T>>(path(), { ...asked(), limit: 1000, offset })
      found.push(...got.items)
      offset += got.items.length
      if (!got.items.length || offset >= got.total) break
    }
    return found
  }

  let told = JSON.stringify(state())
  function changed(): void {
    told = JSON.stringify(state())
    if (route.name === own)
      void router.replace({ query: { ...route.query, ...giveQuery(state(), base) }, hash: route.hash })
    void read()
  }
  const filterKey = (): string => JSON.stringify({ ...filters, sort: sort.value })
  watch(filterKey, () => {
    page.value = 1
    window.clearTimeout(timer)
    timer = window.setTimeout(changed, 250)
  })
  watch(page, () => {
    window.clearTimeout(timer)
    timer = window.setTimeout(changed, 0)
  })
  watch(path, () => void read())
  // Back and forward, or a link into this very page.
  watch(
    () => route.query,
    (query) => {
      if (route.name !== own) return
      const next = takeQuery(query, base)
      const text = JSON.stringify(next)
      if (text === told) return
      told = text
      for (const key of Object.keys(defaults) as (keyof F)[]) filters[key] = next[key] as F[keyof F]
      sort.value = next.sort
      page.value = Math.max(1, Number.parseInt(next.page, 10) || 1)
    },
  )
  onScopeDispose(() => {
    window.clearTimeout(timer)
    running?.abort()
    running = null
  })
  function clear(): void {
    Object.assign(filters, defaults)
  }
  void read()
  return { rows, total, page, sort, filters, busy, error, read, all, clear }
}
