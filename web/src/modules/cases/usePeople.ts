import { ref, shallowRef, type Ref } from 'vue'
import { api, type Page } from '@/api/client'
import { named } from '@/i18n'

export interface Choice {
  id: number
  label: string
}
interface Named {
  id: number
  name: string
  name_en?: string
  code?: string
}
const PATHS: Record<string, string> = {
  user: '/duty/people',
  post: '/posts',
  department: '/departments',
  enterprise: '/enterprises',
}
const kept = new Map<string, Ref<Choice[]>>()

/** Whom a field of kind user, post, department or enterprise may name; empty for other kinds. */
export function usePeople(kind: string): Ref<Choice[]> {
  const path = PATHS[kind]
  if (!path) return ref([])
  const have = kept.get(kind)
  if (have) return have
  const list: Ref<Choice[]> = shallowRef([])
  kept.set(kind, list)
  void api
    .get<Page<Named> | Named[]>(path, { limit: 1000 })
    .then((got) => {
      list.value = (Array.isArray(got) ? got : got.items).map((p) => ({ id: p.id, label: named(p) }))
    })
    .catch(() => kept.delete(kind))
  return list
}
