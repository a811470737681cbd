import { computed, shallowRef, type ComputedRef } from 'vue'
import { api, type Page } from '@/api/client'
import { named } from '@/i18n'
import { useSession } from '@/stores/session'
import type { AssignmentView, DepartmentView, OrganisationView, PostView, RoleView } from './types'

interface Enterprise {
  id: number
  code: string
  name: string
  name_en: string
}
const roles = shallowRef<RoleView[]>([])
const organisations = shallowRef<OrganisationView[]>([])
const departments = shallowRef<DepartmentView[]>([])
const posts = shallowRef<PostView[]>([])
const enterprises = shallowRef<Enterprise[]>([])

/** Roles, bodies, departments, posts and enterprises: what people are described with. */
export function useDirectory(): {
  roles: typeof roles
  organisations: typeof organisations
  departments: typeof departments
  posts: typeof posts
  enterprises: typeof enterprises
  read: () => Promise<void>
  roleTitle: (name: string) => string
  departmentName: (id: number | null | undefined) => string | null
  postName: (id: number | null | undefined) => string | null
  scopeText: ComputedRef<(a: AssignmentView) => string | null>
} {
  const session = useSession()
  async function read(): Promise<void> {
    const may = (p: string): boolean => session.may(p)
    const none = Promise.resolve([])
    const [r, o, d, p, e] = await Promise.all([
      may('kernel.role.read') ? api.get<RoleView[]>('/roles') : none,
      may('kernel.department.read') ? api.get<OrganisationView[]>('/organisations') : none,
      may('kernel.department.read') ? api.get<DepartmentView[]>('/departments') : none,
      may('kernel.post.read') ? api.get<PostView[]>('/posts') : none,
      may('registry.enterprise.read')
        ? api.get<Page<Enterprise>>('/enterprises', { limit: 1000, sort: 'code' }).then((page) => page.items)
        : none,
    ])
    roles.value = r
    organisations.value = o
    departments.value = d
    posts.value = p
    enterprises.value = e
  }
  const roleTitle = (name: string): string => roles.value.find((r) => r.name === name)?.title ?? name
  const nameIn = (rows: { id: number; name: string; name_en: string }[], id: number | null | undefined): string | null => {
    const found = id ? rows.find((row) => row.id === id) : undefined
    return found ? named(found) : null
  }
  const scopeText = computed(() => (a: AssignmentView): string | null => {
    if (a.scope === 'zone') return null
    const rows = a.scope === 'departments' ? departments.value : enterprises.value
    return a.scope_ids.map((id) => nameIn(rows, id) ?? `#${id}`).join('、')
  })
  return {
    roles, organisations, departments, posts, enterprises, read, roleTitle, scopeText,
    departmentName: (id) => nameIn(departments.value, id),
    postName: (id) => nameIn(posts.value, id),
  }
}
