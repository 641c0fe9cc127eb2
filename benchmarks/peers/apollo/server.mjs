// The same mutation on Apollo Server and pg, doing the same work in the same transaction: verify the
// token, look whether its session is open, read the image and the role, check the move, then change
// image, counters, revision and log in one statement.
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { GraphQLError } from "graphql";
import jwt from "jsonwebtoken";
import pg from "pg";

const pool = new pg.Pool({ ...JSON.parse(process.env.PEER_DATABASE), max: 10 });
const key = Buffer.from(process.env.PEER_JWT_KEY, "hex");
const legal = {
  UPLOADED: ["QUEUED"],
  QUEUED: ["PROCESSING", "UPLOADED", "FAILED"],
  PROCESSING: ["SEGMENTED", "NO_SEGMENTATION", "FAILED", "QUEUED"],
  SEGMENTED: ["QUEUED"],
  NO_SEGMENTATION: ["QUEUED"],
  FAILED: ["QUEUED"],
};

const typeDefs = `#graphql
  enum SegmentationStatus { UPLOADED QUEUED PROCESSING SEGMENTED NO_SEGMENTATION FAILED }
  type Image { id: ID! status: SegmentationStatus! revision: Float! }
  type ProjectStats { imageCount: Int! segmentedCount: Int! revision: Float! }
  type Project { stats: ProjectStats! }
  type SetSegmentationStatusPayload { image: Image! project: Project! }
  input SetSegmentationStatusInput { imageId: ID! status: SegmentationStatus! }
  type Query { ok: Boolean }
  type Mutation {
    setSegmentationStatus(input: SetSegmentationStatusInput!): SetSegmentationStatusPayload!
  }
`;

const SESSION = {
  name: "session",
  text: "SELECT 1 FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
};
const IMAGE = {
  name: "image",
  text: `SELECT i.* FROM images i JOIN project_members m ON m.project_id = i.project_id
         WHERE i.id = $1 AND m.user_id = $2`,
};
const ACCESS = {
  name: "access",
  text: `SELECT p.*, m.role FROM projects p JOIN project_members m ON m.project_id = p.id
         WHERE p.id = $1 AND m.user_id = $2`,
};
const count = (status) => `${status.toLowerCase()}_count`;
const CHANGE = {};
for (const from of Object.keys(legal))
  for (const to of legal[from])
    CHANGE[from + to] = {
      name: `change-${from}-${to}`,
      text: `
        WITH project AS (
          UPDATE projects SET ${count(from)} = ${count(from)} - 1, ${count(to)} = ${count(to)} + 1,
            revision = revision + 1, updated_at = clock_timestamp()
          WHERE id = $1 AND members_revision = $2 RETURNING *
        ), touched AS (
          UPDATE images i SET status = $3, revision = project.revision,
            updated_at = project.updated_at, failure_code = NULL, failure_message = NULL,
            failure_retryable = NULL
          FROM project WHERE i.id = $4 AND i.revision = $5 RETURNING i.id
        ), logged AS (
          INSERT INTO activities (project_id, revision, since, actor_id, action, image_count, at)
          SELECT id, revision, revision - 1, $6, 'images.moved', 1, updated_at FROM project
        )
        SELECT project.*, (SELECT count(*) FROM touched) AS touched FROM project`,
    };

const uuid = (id) => id.slice(4).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
const refuse = (message, code) => new GraphQLError(message, { extensions: { code } });

async function setSegmentationStatus(_, { input }, { userId }) {
  const id = uuid(input.imageId);
  const image = (await pool.query(IMAGE, [id, userId])).rows[0];
  if (!image) throw refuse("There is no such image.", "NOT_FOUND");
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const access = (await client.query(ACCESS, [image.project_id, userId])).rows[0];
    if (access.role === "VIEWER") throw refuse("This takes an EDITOR.", "FORBIDDEN");
    const change = CHANGE[image.status + input.status];
    if (!change) throw refuse("This move is not legal.", "CONFLICT");
    const project = (
      await client.query(change, [
        image.project_id, access.members_revision, input.status, id, image.revision, userId,
      ])
    ).rows[0];
    if (project?.touched !== "1") throw refuse("The image has changed.", "CONFLICT");
    await client.query("COMMIT");
    return {
      image: { id: input.imageId, status: input.status, revision: Number(project.revision) },
      project: {
        stats: {
          imageCount: project.image_count,
          segmentedCount: project.segmented_count,
          revision: Number(project.revision),
        },
      },
    };
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const server = new ApolloServer({ typeDefs, resolvers: { Mutation: { setSegmentationStatus } } });
const { url } = await startStandaloneServer(server, {
  listen: { port: 0, host: "127.0.0.1", path: "/graphql" },
  context: async ({ req }) => {
    const token = (req.headers.authorization ?? "").replace("Bearer ", "");
    const claims = jwt.verify(token, key, {
      algorithms: ["HS256"], issuer: "cellhub", audience: "cellhub-api",
    });
    const open = await pool.query(SESSION, [claims.sid, claims.sub]);
    if (open.rowCount === 0) throw refuse("This session has ended.", "UNAUTHENTICATED");
    return { userId: claims.sub };
  },
});
console.log(url.replace("localhost", "127.0.0.1"));
