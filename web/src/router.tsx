import { createBrowserRouter, redirect } from "react-router";
import { loaded } from "./api/loaded";
import { session } from "./api/session";
import { Failed } from "./parts/failed";
import { inside } from "./parts/inside";
import { Missing } from "./parts/missing";
import { ProjectLayout } from "./parts/project-layout";
import { Shell } from "./parts/shell";

function signedIn({ request }: { request: Request }) {
  if (session.get()) return null;
  const { pathname, search } = new URL(request.url);
  const query = new URLSearchParams({ next: pathname + search });
  return redirect(pathname === "/" ? "/sign-in" : `/sign-in?${query}`);
}

function signedOut({ request }: { request: Request }) {
  if (!session.get()) return null;
  return redirect(inside(new URL(request.url).searchParams.get("next")));
}

export const router = createBrowserRouter([
  {
    path: "/sign-in",
    loader: signedOut,
    ErrorBoundary: Failed,
    lazy: { Component: async () => (await loaded(() => import("./pages/sign-in"))).SignIn },
    HydrateFallback: () => null,
  },
  {
    path: "/",
    Component: Shell,
    loader: signedIn,
    ErrorBoundary: Failed,
    HydrateFallback: () => null,
    children: [
      {
        ErrorBoundary: Failed,
        children: [
          {
            index: true,
            lazy: {
              Component: async () => (await loaded(() => import("./pages/dashboard"))).Dashboard,
            },
          },
          {
            path: "projects/:projectId",
            Component: ProjectLayout,
            children: [
              {
                index: true,
                lazy: {
                  Component: async () =>
                    (await loaded(() => import("./pages/project"))).ProjectPage,
                },
              },
              {
                path: "images/:imageId",
                lazy: {
                  Component: async () => (await loaded(() => import("./pages/image"))).ImagePage,
                },
              },
            ],
          },
          { path: "*", Component: Missing },
        ],
      },
    ],
  },
]);

// Whoever signs out, here or in another tab, leaves nothing behind: neither the cache, nor the socket,
// nor what waits to be sent outlives the page. So it is when somebody else signs in.
let user = session.get()?.user.id;
session.subscribe(() => {
  const next = session.get()?.user.id;
  if (user && user !== next) location.replace(next ? "/" : "/sign-in");
  else if (!user && next) void router.revalidate();
  user = next;
});
