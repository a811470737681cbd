import { computed, shallowRef, type ComputedRef } from 'vue'
import { api, type Page } from '@/api/client'
import { named } from '@/i18n'
import { useSession } from '@/stores/session'

interface Enterprise {
  id: number
  code: string
  name: string
  name_en: string
}
const all = shallowRef<Enterprise[]>([])
let asked: Promise<void> | null = null

/** Names of the enterprises this caller may see, read once per visit of the site. */
export function useEnterprises(): {
  all: typeof all
  nameOf: (id: number | null | undefined) => string | null
  options: ComputedRef<{ value: string; label: string }[]>
} {
  const session = useSession()
  if (!asked && session.may('registry.enterprise.read'))
    asked = api
      .get<Page<Enterprise>>('/enterprises', { limit: 1000, sort: 'code' })
      .then((got) => {
        all.value = got.items
      })
      .catch(() => {
        // Without names the pages show codes; the next page asks again.
        asked = null
      })
  const index = computed(() => new Map(all.value.map((e) => [e.id, e])))
  const nameOf = (id: number | null | undefined): string | null => {
    const found = id ? index.value.get(id) : undefined
    return found ? named(found) : null
  }
  const options = computed(() => all.value.map((e) => ({ value: String(e.id), label: `${e.code} ${named(e)}` })))
  return { all, nameOf, options }
}
