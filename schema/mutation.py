"""The root of mutations."""

import strawberry

from schema import account, image, lease, project, queue, segmentation, upload


@strawberry.type(
    description="What can be done. An operation's mutations run one after the other, each in"
    " transactions of its own; what one announces is committed."
)
class Mutation:
    """The root of mutations."""

    sign_up = strawberry.mutation(
        account.sign_up, description="Create an account, and sign in to it."
    )
    sign_in = strawberry.mutation(
        account.sign_in, description="Sign in. Takes as long, and says as much, for any mistake."
    )
    refresh_session = strawberry.mutation(
        account.refresh_session,
        description="Exchange a refresh token for a new pair. One that is used a second time ends"
        " the session.",
    )
    sign_out = strawberry.mutation(
        account.sign_out, description="End a session; false where it had ended already."
    )
    create_api_key = strawberry.mutation(
        account.create_api_key, description="Create a key with which a program acts as the viewer."
    )

    revoke_api_key = strawberry.mutation(
        account.revoke_api_key,
        description="Withdraw an API key; what is connected with it is cut off.",
    )

    create_project = strawberry.mutation(
        project.create_project, description="Create a project that belongs to the viewer."
    )
    update_project = strawberry.mutation(
        project.update_project, description="Rename or describe a project. Takes an OWNER."
    )
    delete_project = strawberry.mutation(
        project.delete_project,
        description="Delete a project and all that is in it. Takes an OWNER.",
    )
    share_project = strawberry.mutation(
        project.share_project,
        description="Let a person into a project, or change a member's role. Takes an OWNER.",
    )
    revoke_access = strawberry.mutation(
        project.revoke_access,
        description="End a membership: an OWNER anybody's, everybody their own.",
    )

    upload_images = strawberry.mutation(
        upload.upload_images,
        description="Store image files in a project, as a multipart request. Takes an EDITOR.",
    )
    delete_image = strawberry.mutation(
        image.delete_image, description="Delete an image. Takes an EDITOR."
    )
    delete_images = strawberry.mutation(
        image.delete_images, description="Delete images of one project. Takes an EDITOR."
    )
    set_segmentation_status = strawberry.mutation(
        segmentation.set_segmentation_status,
        description="Set an image's segmentation status. Takes an EDITOR.",
    )
    set_segmentation_statuses = strawberry.mutation(
        segmentation.set_segmentation_statuses,
        description="Set many images' segmentation statuses. Takes an EDITOR.",
    )

    request_segmentation = strawberry.mutation(
        queue.request_segmentation,
        description="Put images into the queue for workers. Takes an EDITOR.",
    )
    cancel_segmentation = strawberry.mutation(
        queue.cancel_segmentation,
        description="Take images out of the queue, or stop their workers. Takes an EDITOR.",
    )
    claim_segmentation_jobs = strawberry.mutation(
        lease.claim_segmentation_jobs,
        description="Lease jobs of projects in which the viewer is an EDITOR, to work on them.",
    )
    extend_segmentation_lease = strawberry.mutation(
        lease.extend_segmentation_lease, description="Keep a job for longer, and say how far it is."
    )
    complete_segmentation = strawberry.mutation(
        lease.complete_segmentation, description="Hand in what a job found, and end it."
    )
    fail_segmentation = strawberry.mutation(
        lease.fail_segmentation, description="Say that a job failed; it may be tried again."
    )
    release_segmentation = strawberry.mutation(
        lease.release_segmentation,
        description="Give a job back unfinished, as a worker does that is stopped: it waits where"
        " it did before, and no attempt is counted.",
    )
