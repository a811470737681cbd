import { reactive, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { giveQuery, takeQuery } from '@/lib/useRows'

/** Filters that live in the address; `changed` is told once a change has settled. */
export function useFilters<F extends Record<string, string>>(defaults: F, changed: () => void): { filters: F; clear: () => void } {
  const route = useRoute()
  const router = useRouter()
  const own = route.name
  const filters = reactive({ ...takeQuery(route.query, defaults) }) as F
  let told = JSON.stringify(filters)
  let timer = 0
  watch(
    () => JSON.stringify(filters),
    (text) => {
      if (text === told) return
      window.clearTimeout(timer)
      timer = window.setTimeout(() => {
        told = text
        if (route.name === own) void router.replace({ query: { ...route.query, ...giveQuery(filters, defaults) }, hash: route.hash })
        changed()
      }, 250)
    },
  )
  // Back and forward, or a link into this very page.
  watch(
    () => route.query,
    (query) => {
      if (route.name !== own) return
      const next = takeQuery(query, defaults)
      const text = JSON.stringify(next)
      if (text === told) return
      told = text
      Object.assign(filters, next)
      changed()
    },
  )
  return { filters, clear: () => Object.assign(filters, defaults) }
}
