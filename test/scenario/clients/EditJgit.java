import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.transport.CredentialsProvider;
import org.eclipse.jgit.transport.PushResult;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.transport.RemoteRefUpdate;
import org.eclipse.jgit.transport.UsernamePasswordCredentialsProvider;

/**
 * Clones, edits a file and pushes with JGit: one job a line on stdin, `url clone user password file from to branch`; SSH goes
 * through $GIT_SSH. Answers with the new commit and the status of the ref.
 */
public class EditJgit {
  public static void main(String[] args) throws Exception {
    BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
    for (String line = jobs.readLine(); line != null; line = jobs.readLine()) {
      String[] job = line.split(" ");
      CredentialsProvider login = new UsernamePasswordCredentialsProvider(job[2], job[3]);
      File folder = new File(job[1]);
      try (Git git = Git.cloneRepository().setURI(job[0]).setDirectory(folder).setCredentialsProvider(login).call()) {
        Path file = folder.toPath().resolve(job[4]);
        String content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        Files.write(file, content.replace(job[5], job[6]).getBytes(StandardCharsets.ISO_8859_1));
        git.add().addFilepattern(job[4]).call();
        RevCommit commit =
            git.commit().setMessage("edited by JGit").setAuthor("Ann Author", "ann@example.com")
                .setCommitter("Ann Author", "ann@example.com").call();
        RefSpec spec = new RefSpec("HEAD:refs/heads/" + job[7]);
        for (PushResult result : git.push().setRefSpecs(spec).setCredentialsProvider(login).call())
          for (RemoteRefUpdate ref : result.getRemoteUpdates())
            System.out.println(commit.name() + " " + ref.getStatus());
      }
    }
  }
}
