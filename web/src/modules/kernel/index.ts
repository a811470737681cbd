import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const kernel: WebModule = {
  name: 'kernel',
  routes: [
    {
      path: '/admin/users',
      name: 'admin-users',
      component: () => import('./UsersPage.vue'),
      meta: { permission: 'kernel.user.read', title: 'kernel.users.nav' },
    },
    {
      path: '/admin/tokens',
      name: 'admin-tokens',
      component: () => import('./TokensPage.vue'),
      meta: { title: 'kernel.tokens.nav' },
    },
    {
      path: '/admin/audit',
      name: 'admin-audit',
      component: () => import('./AuditPage.vue'),
      meta: { permission: 'kernel.audit.read', title: 'kernel.audit.nav' },
    },
    {
      path: '/admin/settings',
      name: 'admin-settings',
      component: () => import('./SettingsPage.vue'),
      meta: { permission: 'kernel.settings.read', title: 'kernel.settings.nav' },
    },
    {
      path: '/admin/health',
      name: 'admin-health',
      component: () => import('./HealthPage.vue'),
      meta: { permission: 'kernel.health.read', title: 'kernel.health.nav' },
    },
  ],
  nav: [
    { route: 'admin-users', label: 'kernel.users.nav', permission: 'kernel.user.read', order: 900, group: 'admin' },
    { route: 'admin-tokens', label: 'kernel.tokens.nav', order: 910, group: 'admin' },
    { route: 'admin-audit', label: 'kernel.audit.nav', permission: 'kernel.audit.read', order: 920, group: 'admin' },
    { route: 'admin-settings', label: 'kernel.settings.nav', permission: 'kernel.settings.read', order: 930, group: 'admin' },
    { route: 'admin-health', label: 'kernel.health.nav', permission: 'kernel.health.read', order: 940, group: 'admin' },
  ],
  locales: { 'zh-CN': zh, en },
}
export default kernel
